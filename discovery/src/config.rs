//! The settings of each method: parsed and valid, or an error that names the field.
//!
//! Text (an environment variable, a flag) is parsed here with [`FromStr`]. Text from [`Display`](fmt::Display) parses
//! back to the same value. There are no fallbacks: a wrong value is an [`Invalid`].

use std::{collections::BTreeSet, fmt, net::IpAddr, str::FromStr};

mod client;
#[cfg(any(feature = "ec2", feature = "ecs"))]
mod egress;
mod environment;
mod fixed;
mod invalid;
mod pairs;
mod ports;
mod role;
mod services;
mod surroundings;

#[cfg(any(feature = "ec2", feature = "ecs"))]
pub use aws_types::SdkConfig;
pub use client::Client;
pub(crate) use client::check_region;
#[cfg(any(feature = "ec2", feature = "ecs"))]
pub(crate) use egress::{CA_BUNDLE, Egress};
pub use environment::{Tidied, tidied};
#[cfg(any(feature = "ec2", feature = "ecs"))]
pub(crate) use environment::{check as check_environment, invalid as invalid_variable};
pub use fixed::{Addresses, Fixed};
pub use invalid::Invalid;
pub use pairs::{Filters, Tags};
pub use ports::Ports;
pub use role::{AssumedRole, ExternalId, RoleArn, SessionName};
pub use services::Services;
pub use surroundings::Surroundings;

/// The default tag that names the service.
pub const DEFAULT_TAG_KEY: &str = "service";

/// The cluster that ECS itself uses if none is given.
pub const DEFAULT_CLUSTER: &str = "default";

/// The most values that EC2 accepts for one filter. See "Filtering" in its API reference.
const MOST_TAG_VALUES: usize = 200;

/// A method, by its name in configuration. This is not `#[non_exhaustive]`: code that lets users choose a method
/// should learn of a new one from the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodName {
    /// `aws-api-ec2-tag-based`
    Ec2TagBased,
    /// `aws-api-ecs`, or `aws-api-ecs-async`
    Ecs,
    /// `aws-api-ecs-task-set`, or `aws-api-ecs-task-set-async`
    EcsTaskSet,
    /// `config`
    Config,
}

/// One method with its settings; as [`MethodName`].
#[derive(Debug, Clone)]
pub enum Settings {
    /// Running EC2 instances with a tag.
    Ec2TagBased(Ec2TagBased),
    /// Running tasks of an ECS service.
    Ecs(Ecs),
    /// Running tasks of the caller's own task set or deployment.
    EcsTaskSet(EcsTaskSet),
    /// A fixed list.
    Config(Fixed),
}

/// Which address of a peer, and of a node itself, is used: both by the same rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// The primary private IPv4 address if there is one, else the IPv6 address.
    #[default]
    Auto,
    /// Only the primary private IPv4 address.
    Ipv4,
    /// Only the IPv6 address.
    Ipv6,
}

/// Settings of `aws-api-ec2-tag-based`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ec2TagBased {
    /// The tag whose value is the service name.
    pub tag_key: String,
    /// The tag values whose instances are each other's peers: several services that form one system. If empty, the
    /// looked-up name is the value.
    pub tag_values: BTreeSet<String>,
    /// More filters.
    pub filters: Filters,
    /// One target for each instance and port; if empty, targets have no port.
    pub ports: Ports,
    /// Which address.
    pub address_family: AddressFamily,
    /// The client.
    pub client: Client,
}

/// Settings of `aws-api-ecs`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ecs {
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The services whose tasks are each other's peers: several services that form one system. If empty, the only
    /// service is the looked-up name, in [`Ecs::cluster`].
    pub services: Services,
    /// Tags that a task must have, all of them.
    pub tags: Tags,
    /// The container whose network interface gives the address.
    pub container_name: Option<String>,
    /// Which address.
    pub address_family: AddressFamily,
    /// The client.
    pub client: Client,
}

/// Settings of `aws-api-ecs-task-set`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EcsTaskSet {
    /// The cluster's name or ARN. It must be the one that the caller's own task runs in.
    pub cluster: String,
    /// The container whose network interface gives the address.
    pub container_name: Option<String>,
    /// Which address.
    pub address_family: AddressFamily,
    /// The client.
    pub client: Client,
}

impl MethodName {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Ec2TagBased, Self::Ecs, Self::EcsTaskSet, Self::Config];

    /// The canonical name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2TagBased => "aws-api-ec2-tag-based",
            Self::Ecs => "aws-api-ecs",
            Self::EcsTaskSet => "aws-api-ecs-task-set",
            Self::Config => "config",
        }
    }

    /// Other names that configuration may use.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Ecs => &["aws-api-ecs-async"],
            Self::EcsTaskSet => &["aws-api-ecs-task-set-async"],
            Self::Ec2TagBased | Self::Config => &[],
        }
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for MethodName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text || method.aliases().contains(&text))
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::as_str).join(", ");
                Invalid::new(
                    "method",
                    format!("`{text}` is not a method; expected one of {names}"),
                )
            })
    }
}

impl Settings {
    /// The method's name.
    pub fn method(&self) -> MethodName {
        match self {
            Self::Ec2TagBased(_) => MethodName::Ec2TagBased,
            Self::Ecs(_) => MethodName::Ecs,
            Self::EcsTaskSet(_) => MethodName::EcsTaskSet,
            Self::Config(_) => MethodName::Config,
        }
    }

    /// Which address of a peer, and of a node itself, is used.
    pub fn address_family(&self) -> AddressFamily {
        match self {
            Self::Ec2TagBased(ec2) => ec2.address_family,
            Self::Ecs(ecs) => ecs.address_family,
            Self::EcsTaskSet(task_set) => task_set.address_family,
            Self::Config(_) => AddressFamily::default(),
        }
    }

    /// The settings of the method's client; none if the method asks nothing of AWS.
    pub fn client_mut(&mut self) -> Option<&mut Client> {
        match self {
            Self::Ec2TagBased(ec2) => Some(&mut ec2.client),
            Self::Ecs(ecs) => Some(&mut ecs.client),
            Self::EcsTaskSet(task_set) => Some(&mut task_set.client),
            Self::Config(_) => None,
        }
    }

    /// Says what is wrong, before any call is made.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Ec2TagBased(ec2) => {
                present("tag-key", &ec2.tag_key)?;
                if MOST_TAG_VALUES < ec2.tag_values.len() {
                    let problem = format!("has more than {MOST_TAG_VALUES}, which EC2 refuses");
                    return Err(Invalid::new("tag-values", problem));
                }
                for value in &ec2.tag_values {
                    present("tag-values", value)?;
                }
                ec2.client.check()
            }
            Self::Ecs(Ecs {
                cluster,
                container_name,
                client,
                services: _,
                tags: _,
                address_family: _,
            })
            | Self::EcsTaskSet(EcsTaskSet {
                cluster,
                container_name,
                client,
                address_family: _,
            }) => {
                present("cluster", cluster)?;
                if let Some(name) = container_name {
                    present("container-name", name)?;
                }
                client.check()
            }
            Self::Config(_) => Ok(()),
        }
    }
}

impl AddressFamily {
    /// `auto`, `ipv4` or `ipv6`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// The address that counts among those of a peer; else the address that it has instead.
    pub(crate) fn choose(
        self,
        ipv4: Option<IpAddr>,
        ipv6: Option<IpAddr>,
    ) -> Result<IpAddr, Option<IpAddr>> {
        let (chosen, instead) = match self {
            Self::Auto => (ipv4.or(ipv6), None),
            Self::Ipv4 => (ipv4, ipv6),
            Self::Ipv6 => (ipv6, ipv4),
        };
        chosen.ok_or(instead)
    }

    /// The name of the wanted address in messages for people.
    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::Auto => "address",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
        }
    }

    pub(crate) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AddressFamily {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto" => Ok(Self::Auto),
            "ipv4" => Ok(Self::Ipv4),
            "ipv6" => Ok(Self::Ipv6),
            _ => Err(Invalid::new(
                "address-family",
                format!("`{text}` is not an address family; expected auto, ipv4 or ipv6"),
            )),
        }
    }
}

impl Ec2TagBased {
    /// Instances whose tag `tag_key` is the service name; nothing else is configured.
    pub fn by_tag(tag_key: impl Into<String>) -> Self {
        Self {
            tag_key: tag_key.into(),
            tag_values: BTreeSet::new(),
            filters: Filters::default(),
            ports: Ports::default(),
            address_family: AddressFamily::default(),
            client: Client::default(),
        }
    }
}

impl Ecs {
    /// Tasks in this cluster, by name or ARN; nothing else is configured.
    pub fn in_cluster(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            services: Services::default(),
            tags: Tags::default(),
            container_name: None,
            address_family: AddressFamily::default(),
            client: Client::default(),
        }
    }
}

impl EcsTaskSet {
    /// The own task set in this cluster, by name or ARN; nothing else is configured.
    pub fn in_cluster(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            container_name: None,
            address_family: AddressFamily::default(),
            client: Client::default(),
        }
    }
}

fn present(field: &'static str, value: &str) -> Result<(), Invalid> {
    if value.trim().is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_known_by_its_name_and_by_its_aliases() {
        for method in MethodName::ALL {
            assert_eq!(method.to_string().parse(), Ok(method));
            for alias in method.aliases() {
                assert_eq!(alias.parse(), Ok(method));
            }
        }
        assert_eq!("aws-api-ecs-async".parse(), Ok(MethodName::Ecs));
        let async_task_set = "aws-api-ecs-task-set-async";
        assert_eq!(async_task_set.parse(), Ok(MethodName::EcsTaskSet));
    }

    #[test]
    fn what_is_not_said_is_as_in_the_original() {
        assert_eq!(DEFAULT_TAG_KEY, "service");
        assert_eq!(DEFAULT_CLUSTER, "default");
        assert_eq!(crate::DEFAULT_RESOLVE_TIMEOUT.as_secs(), 3);
        assert_eq!(AddressFamily::default(), AddressFamily::Auto);
    }

    #[test]
    fn an_unknown_method_is_an_error_that_lists_the_valid_ones() {
        for wrong in ["aws-api-ec2", "AWS-API-ECS", "", " config", "ec2"] {
            let error = wrong.parse::<MethodName>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "method: `{wrong}` is not a method; expected one of aws-api-ec2-tag-based, \
                     aws-api-ecs, aws-api-ecs-task-set, config"
                )
            );
        }
    }

    #[test]
    fn address_families_round_trip() {
        for family in [
            AddressFamily::Auto,
            AddressFamily::Ipv4,
            AddressFamily::Ipv6,
        ] {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
        assert!("IPv4".parse::<AddressFamily>().is_err());
    }

    #[test]
    fn auto_takes_what_there_is_and_the_others_insist() {
        use AddressFamily::{Auto, Ipv4, Ipv6};
        let four: IpAddr = [10, 0, 0, 1].into();
        let six: IpAddr = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into();
        for (family, ipv4, ipv6, chosen) in [
            (Auto, Some(four), Some(six), Ok(four)),
            (Auto, None, Some(six), Ok(six)),
            (Auto, None, None, Err(None)),
            (Ipv4, Some(four), Some(six), Ok(four)),
            (Ipv4, None, Some(six), Err(Some(six))),
            (Ipv6, Some(four), Some(six), Ok(six)),
            (Ipv6, Some(four), None, Err(Some(four))),
            (Ipv6, None, None, Err(None)),
        ] {
            assert_eq!(
                family.choose(ipv4, ipv6),
                chosen,
                "{family} {ipv4:?} {ipv6:?}"
            );
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let ecs = |change: fn(&mut Ecs)| {
            let mut ecs = Ecs::in_cluster("prod");
            change(&mut ecs);
            Settings::Ecs(ecs).check().map_err(|invalid| invalid.field)
        };
        assert_eq!(ecs(|_| ()), Ok(()));
        assert_eq!(ecs(|ecs| ecs.cluster.clear()), Err("cluster".into()));
        assert_eq!(
            ecs(|ecs| ecs.container_name = Some(" ".to_owned())),
            Err("container-name".into())
        );
        assert_eq!(
            ecs(|ecs| ecs.client.region = Some("eu central".to_owned())),
            Err("region".into())
        );
        for endpoint in ["localhost:4566", "ftp://host", "/", "", "http://"] {
            let mut settings = Ecs::in_cluster("prod");
            settings.client.endpoint = Some(endpoint.to_owned());
            let invalid = Settings::Ecs(settings).check().unwrap_err();
            assert_eq!(invalid.field, "endpoint", "{endpoint}");
        }
    }
}
