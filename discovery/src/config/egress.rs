//! How calls to AWS leave this network, according to the environment.

use std::{ffi::OsStr, path::PathBuf};

use super::environment::READ_BY_THE_HTTP_CLIENT;

/// Which authorities to trust, and what is never asked through a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Egress {
    /// The file of the certificate authorities to trust, instead of this host's own.
    /// See the AWS SDKs and Tools Reference Guide, "General configuration settings".
    pub(crate) ca_bundle: Option<PathBuf>,
    /// Where metadata and credentials are: on this host or next to it, at any address.
    pub(crate) beside: Vec<String>,
}

/// The variables with such places. Each SDK asks them without a proxy.
const BESIDE: [&str; 4] = [
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
];

/// The variable with the file; an error about the file names it.
pub(crate) const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

impl Egress {
    /// Whether calls depend on a variable of this name.
    pub(crate) fn reads(name: &OsStr) -> bool {
        let lower = name.to_ascii_lowercase();
        name == CA_BUNDLE
            || BESIDE.iter().any(|beside| name == *beside)
            || READ_BY_THE_HTTP_CLIENT.iter().any(|read| lower == *read)
    }

    /// Reads the environment.
    pub(crate) fn from_env() -> Self {
        #[expect(clippy::disallowed_methods, reason = "`config` reads the environment")]
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        Self {
            ca_bundle: variable(CA_BUNDLE).map(PathBuf::from),
            beside: BESIDE.into_iter().filter_map(variable).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_read_is_none_of_its_business() {
        for name in ["AWS_CA_BUNDLE", "https_proxy", "NO_PROXY", "SSL_CERT_FILE"] {
            assert!(Egress::reads(OsStr::new(name)), "{name}");
        }
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "PATH", "PROXY"] {
            assert!(!Egress::reads(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn blank_is_not_set() {
        let blank = Egress::read(|_| Some(" \n".to_owned()));
        assert_eq!(blank, Egress::default());
    }

    #[test]
    fn places_beside_this_process_are_those_that_variables_name() {
        let network = Egress::read(|name| Some(format!("http://{name}/ ")));
        assert_eq!(network.ca_bundle, Some("http://AWS_CA_BUNDLE/".into()));
        assert_eq!(network.beside.len(), BESIDE.len());
        assert_eq!(network.beside[2], "http://ECS_CONTAINER_METADATA_URI/");
    }
}
