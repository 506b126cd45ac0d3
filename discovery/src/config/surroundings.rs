//! Where the process runs, according to the environment: in an ECS task, on an EC2 instance.
//!
//! The only place of this crate that reads the environment. The AWS SDK reads its own variables, which
//! [`check_environment`](super::check_environment) checks first.

/// Task and instance metadata endpoints, if there can be any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Surroundings {
    /// The URL of the task metadata of the caller's own container, version 4 or else 3.
    pub task_metadata: Option<String>,
    /// The URL of the instance metadata service (IMDS), unless this cannot be an EC2 instance.
    pub instance_metadata: Option<String>,
    /// Whether this certainly is an EC2 instance: the machine says so, or the environment names the service. Then
    /// failing metadata is asked again, and nothing else is used instead.
    pub on_ec2: bool,
}

const IMDS_IPV4: &str = "http://169.254.169.254";
const IMDS_IPV6: &str = "http://[fd00:ec2::254]";

impl Surroundings {
    /// Reads the environment.
    pub fn from_env() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the environment"
        )]
        let variable = |name: &str| std::env::var(name).ok();
        // On EC2 this file says so without any privilege; in doubt, the endpoint is asked.
        let vendor = std::fs::read_to_string("/sys/devices/virtual/dmi/id/sys_vendor").ok();
        Self::read(variable, vendor.as_deref())
    }

    /// The same from the caller: variables by name, and the machine's vendor if it is known.
    pub fn read(variable: impl Fn(&str) -> Option<String>, vendor: Option<&str>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let task_metadata = variable("ECS_CONTAINER_METADATA_URI_V4")
            .or_else(|| variable("ECS_CONTAINER_METADATA_URI"));

        let disabled = variable("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let named = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let ipv6 = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
        // `Amazon EC2` on Nitro, `Xen` before it.
        let maybe_ec2 =
            vendor.is_none_or(|vendor| vendor.contains("Amazon") || vendor.contains("Xen"));
        let on_ec2 = !disabled
            && (named.is_some() || vendor.is_some_and(|vendor| vendor.contains("Amazon")));
        let instance_metadata = if disabled {
            None
        } else if named.is_some() {
            named
        } else if maybe_ec2 {
            Some(if ipv6 { IMDS_IPV6 } else { IMDS_IPV4 }.to_owned())
        } else {
            None
        };

        Self {
            task_metadata: task_metadata.as_deref().map(without_slash),
            instance_metadata: instance_metadata.as_deref().map(without_slash),
            on_ec2,
        }
    }
}

fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], vendor: Option<&str>) -> (Option<String>, Option<String>) {
        let variable = |wanted: &str| {
            variables
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| (*value).to_owned())
        };
        let surroundings = Surroundings::read(variable, vendor);
        (surroundings.task_metadata, surroundings.instance_metadata)
    }

    fn url(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn version_4_of_the_task_metadata_is_preferred() {
        let v3 = ("ECS_CONTAINER_METADATA_URI", "http://169.254.170.2/v3/1");
        let v4 = (
            "ECS_CONTAINER_METADATA_URI_V4",
            "http://169.254.170.2/v4/1/",
        );
        assert_eq!(read(&[v3], Some("")).0, url("http://169.254.170.2/v3/1"));
        assert_eq!(
            read(&[v3, v4], Some("")).0,
            url("http://169.254.170.2/v4/1")
        );
        assert_eq!(read(&[], Some("")).0, None);
        let empty = ("ECS_CONTAINER_METADATA_URI_V4", "");
        assert_eq!(
            read(&[empty, v3], Some("")).0,
            url("http://169.254.170.2/v3/1")
        );
    }

    #[test]
    fn instance_metadata_is_not_asked_where_it_cannot_be() {
        assert_eq!(read(&[], Some("LENOVO\n")).1, None);
        assert_eq!(read(&[], Some("Amazon EC2\n")).1, url(IMDS_IPV4));
        assert_eq!(read(&[], None).1, url(IMDS_IPV4));
    }

    #[test]
    fn instance_metadata_follows_the_variables_of_the_sdks() {
        let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/");
        let disabled = ("AWS_EC2_METADATA_DISABLED", "TRUE");
        let ipv6 = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
        assert_eq!(
            read(&[endpoint], Some("LENOVO")).1,
            url("http://127.0.0.1:1")
        );
        assert_eq!(read(&[ipv6], None).1, url(IMDS_IPV6));
        assert_eq!(read(&[endpoint, disabled], None).1, None);
    }
}
