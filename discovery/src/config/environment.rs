//! Cleans up and checks environment variables. Their text comes from elsewhere: a compose file passes a variable that
//! is not set as an empty one, and a mounted secret ends in a line feed. The AWS SDK takes such values as they are,
//! and some of them make it panic. A program that cleans its environment first (see [`tidied`]) avoids all of this.

use std::{
    ffi::{OsStr, OsString},
    fmt,
};

use super::{
    client::{check_region, is_http_url},
    invalid::Invalid,
};

/// The prefixes of the names that the AWS SDK, its HTTP client and this crate read.
const READ: [&str; 2] = ["AWS_", "ECS_CONTAINER_METADATA_URI"];

/// More names, in lower case; any case counts.
pub(super) const READ_BY_THE_HTTP_CLIENT: [&str; 6] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
];

/// Those that name a proxy.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// Cleaned variables.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tidied {
    /// All variables, by name; none of the relevant ones is blank.
    pub variables: Vec<(OsString, OsString)>,
    /// Whether they differ from the given ones.
    pub changed: bool,
}

/// Removes blank values, and the white space around values, of the variables that the AWS SDK, its HTTP client or
/// this crate read, and of those that `also` names.
///
/// A process cannot safely change its own environment while it runs. So a program that needs this starts itself again
/// with the result, if it has changed:
///
/// ```no_run
/// use std::{os::unix::process::CommandExt as _, process::Command};
///
/// let tidied = discovery::config::tidied(std::env::vars_os(), |_| false)?;
/// if tidied.changed {
///     let program = std::env::current_exe()?;
///     let arguments = std::env::args_os().skip(1);
///     let failed = Command::new(program)
///         .args(arguments)
///         .env_clear()
///         .envs(tidied.variables)
///         .exec();
///     return Err(failed.into());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When a value is not UTF-8, or has a control character in it. The error names the variable and
/// never its value, which may be a secret.
pub fn tidied(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    also: impl Fn(&str) -> bool,
) -> Result<Tidied, Invalid> {
    let mut tidied = Tidied {
        variables: Vec::new(),
        changed: false,
    };
    for (name, value) in variables {
        let read = name.to_str().filter(|name| is_read(name) || also(name));
        let Some(read) = read else {
            tidied.variables.push((name, value));
            continue;
        };
        let meant = meant(read, &value)?;
        tidied.changed |= value != meant;
        if meant.is_empty() {
            tidied.changed = true;
        } else {
            let meant = meant.into();
            tidied.variables.push((name, meant));
        }
    }
    Ok(tidied)
}

/// Refuses values that would make the AWS SDK panic, or that it would ignore with a warning: somebody who sets a
/// variable wants an effect.
pub(crate) fn check(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), Invalid> {
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| is_read(name)) else {
            continue;
        };
        let meant = meant(name, &value)?;
        let differs = value != meant;
        if name.starts_with("AWS_ENDPOINT_URL") && meant.is_empty() {
            return Err(invalid(name, "is blank: unset it, or give it a URL"));
        }
        if differs && value.to_str().is_some_and(has_control) {
            return Err(invalid(
                name,
                "begins or ends with a line end or another control character: remove it",
            ));
        }
        if let Some(expected) = expected(name).filter(|_| !meant.is_empty())
            && !expected.is_met(meant)
        {
            return Err(invalid(name, &format!("expected {expected}")));
        }
    }
    Ok(())
}

/// The expected kind of value.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Url,
    Switch,
    Region,
    Key,
    Proxy,
}

/// See the AWS SDKs and Tools Reference Guide, "Environment variables list". A variable whose wrong value has a
/// harmless default is not checked here.
fn expected(name: &str) -> Option<Expected> {
    match name {
        "ECS_CONTAINER_METADATA_URI"
        | "ECS_CONTAINER_METADATA_URI_V4"
        | "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        | "AWS_EC2_METADATA_SERVICE_ENDPOINT"
        | "AWS_ENDPOINT_URL" => Some(Expected::Url),
        "AWS_EC2_METADATA_DISABLED"
        | "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
        | "AWS_USE_DUALSTACK_ENDPOINT"
        | "AWS_USE_FIPS_ENDPOINT" => Some(Expected::Switch),
        "AWS_DEFAULT_REGION" | "AWS_REGION" => Some(Expected::Region),
        "AWS_ACCESS_KEY_ID" => Some(Expected::Key),
        _ if PROXIES.contains(&name.to_ascii_lowercase().as_str()) => Some(Expected::Proxy),
        _ => name
            .starts_with("AWS_ENDPOINT_URL_")
            .then_some(Expected::Url),
    }
}

impl Expected {
    fn is_met(self, value: &str) -> bool {
        match self {
            Self::Url => is_http_url(value),
            Self::Switch => ["true", "false"]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(value)),
            Self::Region => check_region(value).is_ok(),
            Self::Key => value.chars().all(|c| c.is_ascii_graphic()),
            Self::Proxy if value.contains("://") => is_http_url(value),
            Self::Proxy => is_http_url(&format!("http://{value}")),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "a URL that begins with http:// or https://",
            Self::Switch => "`true` or `false`",
            Self::Region => "a region, for example eu-central-1",
            Self::Key => "letters and digits",
            Self::Proxy => "an HTTP proxy, for example http://proxy.example:3128",
        })
    }
}

fn is_read(name: &str) -> bool {
    READ.iter().any(|beginning| name.starts_with(beginning))
        || READ_BY_THE_HTTP_CLIENT.contains(&name.to_ascii_lowercase().as_str())
}

fn meant<'a>(name: &str, value: &'a OsStr) -> Result<&'a str, Invalid> {
    let Some(text) = value.to_str() else {
        return Err(invalid(name, "is not UTF-8 text: correct it, or unset it"));
    };
    let meant = text.trim();
    if has_control(meant) {
        return Err(invalid(
            name,
            "has a line end or another control character in it: correct it, or unset it",
        ));
    }
    Ok(meant)
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

pub(crate) fn invalid(name: &str, problem: &str) -> Invalid {
    Invalid::new(format!("the environment variable {name}"), problem)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn variables(all: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        all.iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn own(name: &str) -> bool {
        name.starts_with("OWN_")
    }

    const NAMES: [&str; 9] = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_ECS",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "ECS_CONTAINER_METADATA_URI_V4",
        "HTTPS_PROXY",
        "no_proxy",
        "OWN_SETTING",
    ];

    #[test]
    fn blank_means_unset_and_white_space_around_a_value_is_dropped() {
        for name in NAMES {
            for blank in ["", " ", "\n", "\t \r\n", "\u{a0}"] {
                let tidied = tidied(variables(&[(name, blank)]), own).unwrap();
                assert_eq!(tidied.variables, [], "{name}={blank:?}");
                assert!(tidied.changed);
            }
            for padded in ["value\n", " value", "\tvalue \r\n"] {
                let tidied = tidied(variables(&[(name, padded)]), own).unwrap();
                assert_eq!(tidied.variables, variables(&[(name, "value")]));
                assert!(tidied.changed);
            }
        }
    }

    #[test]
    fn what_is_tidied_or_read_by_nobody_is_left_alone() {
        let given = variables(&[
            ("AWS_REGION", "eu-west-1"),
            ("OWN_SETTING", "a b"),
            ("PATH", ""),
            ("LESS", " x "),
        ]);
        let tidied = tidied(given.clone(), own).unwrap();
        assert_eq!(tidied.variables, given);
        assert!(!tidied.changed);
    }

    #[test]
    fn what_cannot_be_meant_is_an_error_that_names_the_variable_and_not_its_value() {
        for name in NAMES {
            for wrong in [&b"one\ntwo"[..], b"one\x1b[2Jtwo", b"one\0two", b"\xff\xfe"] {
                let value = OsString::from_vec(wrong.to_vec());
                let error = tidied([(name.into(), value)], own).unwrap_err().to_string();
                let beginning = format!("the environment variable {name}: ");
                assert!(error.starts_with(&beginning), "{error}");
                assert!(!error.contains("one"), "{error}");
            }
        }
    }

    #[test]
    fn what_the_sdk_panics_over_is_refused() {
        let refused = |name: &str, value: &str| check(variables(&[(name, value)])).is_err();
        assert!(refused("AWS_ENDPOINT_URL", ""));
        assert!(refused("AWS_ENDPOINT_URL_EC2", " "));
        assert!(refused("AWS_ACCESS_KEY_ID", "AKIA\n"));
        assert!(refused("AWS_SESSION_TOKEN", "one\ntwo"));
        assert!(!refused("AWS_PROFILE", ""));
        assert!(!refused("AWS_ACCESS_KEY_ID", "AKIA"));
        assert!(!refused("PATH", "\n"));
    }

    #[test]
    fn what_the_sdk_would_pass_over_is_refused() {
        for (name, wrong, right) in [
            ("AWS_ENDPOINT_URL", "nonsense", "http://localhost:4566"),
            ("AWS_ENDPOINT_URL_ECS", "http://", "https://ecs.example"),
            (
                "ECS_CONTAINER_METADATA_URI_V4",
                "/v4",
                "http://169.254.170.2/v4/1",
            ),
            ("AWS_USE_FIPS_ENDPOINT", "maybe", "true"),
            ("AWS_EC2_METADATA_DISABLED", "1", "False"),
            ("AWS_REGION", "Frankfurt (eu)", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIÄ", "AKIA"),
            ("HTTPS_PROXY", "socks5://proxy:1080", "proxy:3128"),
            ("http_proxy", "http://", "http://user:password@proxy:3128/"),
            ("all_proxy", "one two", "https://proxy"),
        ] {
            let error = check(variables(&[(name, wrong)])).unwrap_err().to_string();
            let beginning = format!("the environment variable {name}: expected ");
            assert!(error.starts_with(&beginning), "{error}");
            assert_eq!(check(variables(&[(name, right)])), Ok(()));
        }
    }
}
