//! Flags, environment and a TOML file, in that order of precedence, become one valid [`Config`].
//!
//! The only module that takes settings from the environment. Each stage owns its part; what is here is their sum.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _},
    net::IpAddr,
    num::NonZeroUsize,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use discovery::config::{AddressFamily, Client, Ec2TagBased, Ecs, EcsTaskSet, Fixed, MethodName};

mod parse;
pub mod settings;
mod values;

pub use values::{ConfigFile, Error, Exposure, FILE_VARIABLE, Raw, Source, Values};

use crate::{bootstrap::coordinator::OnRival, cluster::ClusterName, seal::Keyring};

/// Everything that the node can be told.
#[derive(Debug)]
pub struct Config {
    /// How peers are found.
    pub discovery: discovery::config::Settings,
    /// How a cluster is formed.
    pub bootstrap: Bootstrap,
    /// Where this node is.
    pub node: Node,
    /// How it gossips.
    pub membership: Membership,
    /// How it is managed.
    pub management: Management,
}

/// How a cluster is formed.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// What is looked up, and the cluster's name.
    pub service_name: ClusterName,
    /// The port name to ask discovery for.
    pub port_name: Option<String>,
    /// Whether this node may found a cluster.
    pub new_cluster_enabled: bool,
    /// How long the contact points must not have changed.
    pub stable_margin: Duration,
    /// The pause between two lookups.
    pub interval: Duration,
    /// The share that is added to it at random, at most.
    pub random_factor: f64,
    /// The longest pause between lookups that fail.
    pub backoff_max: Duration,
    /// How many processes may take part in founding a cluster.
    pub participants: Option<NonZeroUsize>,
    /// How many nodes the deployment means to run.
    pub expected_nodes: ExpectedNodes,
    /// The limit of one lookup.
    pub resolve_timeout: Duration,
    /// Whether every contact point must have answered.
    pub contact_with_all_contact_points: bool,
    /// The management port of peers for which discovery names none.
    pub fallback_port: u16,
    /// Whether, of a host with several ports, only that one is probed.
    pub filter_on_fallback_port: bool,
    /// The pause between two probes, and the limit of one.
    pub probe_interval: Duration,
    /// The share that is added to the pause at random, at most.
    pub probe_interval_jitter: f64,
    /// After how long a failing contact point is dropped.
    pub probing_failure_timeout: Duration,
    /// The shortest pause between two lookups of a member.
    pub watch_interval: Duration,
    /// What a member does about another cluster of the same name.
    pub on_rival: OnRival,
}

/// How many nodes the deployment means to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedNodes {
    /// Ask the platform.
    Auto,
    /// This many.
    Number(NonZeroUsize),
    /// Not known, and not asked for.
    Unknown,
}

/// Where this node is.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Where peers reach it; found out where it is not given.
    pub address: Option<IpAddr>,
    /// Where it listens; its own address where it is not given.
    pub bind_address: Option<IpAddr>,
    /// How long leaving may take.
    pub grace_period: Duration,
}

/// How the node gossips.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The UDP port that peers reach.
    pub port: u16,
    /// The UDP port to listen on.
    pub bind_port: u16,
    /// What is made of the cluster's secrets; empty only where the node runs unsealed.
    pub keyring: Keyring,
    /// This node's roles.
    pub roles: BTreeSet<String>,
}

/// How the node is managed.
#[derive(Debug, Clone)]
pub struct Management {
    /// The TCP port that peers reach.
    pub port: u16,
    /// The TCP port to listen on.
    pub bind_port: u16,
    /// Whether writing is refused.
    pub read_only: bool,
    /// Names of this node, in lower case, that may be written to.
    pub host_names: BTreeSet<String>,
}

/// How the node logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level or a tracing filter.
    pub filter: String,
    /// For people or for programs.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The process's environment, as far as it can be settings.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("DEMO_NODE_"))
        .collect()
}

/// Gathers flags, environment and file.
///
/// # Errors
///
/// When the file cannot be read, or a name is no setting.
pub fn gather(
    flags: &BTreeMap<&'static str, String>,
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Values, Error> {
    let file = file.map(Path::to_path_buf).or_else(|| {
        environment
            .get(FILE_VARIABLE)
            .map(|path| path.trim())
            .filter(|path| !path.is_empty())
            .map(Into::into)
    });
    let file = file.map(read).transpose()?;
    Values::gather(flags, environment, file)
}

fn read(path: PathBuf) -> Result<ConfigFile, Error> {
    let opened = || {
        let file = std::fs::File::open(&path)?;
        let mode = file.metadata()?.permissions().mode();
        let mut text = String::new();
        file.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
        if LARGEST_FILE < text.len() as u64 {
            return Err(io::Error::other("it has more than 1 MiB"));
        }
        Ok((text, mode))
    };
    let (text, mode) = match opened() {
        Ok(opened) => opened,
        Err(error) => return Err(Error::Read(path, error)),
    };
    match text.parse() {
        Ok(table) => Ok(ConfigFile {
            path,
            table,
            is_public: mode & READABLE_BY_OTHERS != 0,
        }),
        Err(error) => Err(Error::parse(path, &text, &error)),
    }
}

/// The largest configuration file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// In a file's mode.
const READABLE_BY_OTHERS: u32 = 0o004;

// === impl Config ===

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    ///
    /// When one is wrong or missing, or some do not go together.
    pub fn read(values: &Values) -> Result<Self, Error> {
        let config = Self {
            discovery: discovery_settings(values)?,
            bootstrap: bootstrap(values)?,
            node: node(values)?,
            membership: membership(values)?,
            management: management(values)?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Error> {
        if self.membership.port == self.bootstrap.fallback_port {
            return Err(Error::Combination(format!(
                "membership.port and bootstrap.fallback-port are both {}: peers would be probed at \
                 their gossip port; set bootstrap.fallback-port to their management port",
                self.membership.port
            )));
        }
        let bootstrap = &self.bootstrap;
        let longest_pause = bootstrap
            .probe_interval
            .mul_f64(1.0 + bootstrap.probe_interval_jitter);
        // An answer may take an interval to come.
        let least = longest_pause + bootstrap.probe_interval;
        if bootstrap.probing_failure_timeout < least {
            return Err(Error::Combination(format!(
                "bootstrap.probing-failure-timeout is {}, and may not be less than {}: answers would \
                 be out of date before the next could come, which takes bootstrap.probe-interval \
                 twice, and bootstrap.probe-interval-jitter of it",
                humantime::format_duration(bootstrap.probing_failure_timeout),
                humantime::format_duration(least),
            )));
        }
        Ok(())
    }
}

/// How peers are found; enough for a lookup by hand.
///
/// # Errors
///
/// When a setting is wrong, or the method is not given.
pub fn discovery_settings(values: &Values) -> Result<discovery::config::Settings, Error> {
    use discovery::config::Settings;
    let method: MethodName = values.required("discovery.method", parse::checked)?;
    Ok(match method {
        MethodName::Ecs => Settings::Ecs(Ecs {
            cluster: values.required("discovery.aws-api-ecs.cluster", parse::text)?,
            tags: values
                .optional("discovery.aws-api-ecs.tags", parse::tags)?
                .unwrap_or_default(),
            container_name: values.optional("discovery.aws-api-ecs.container-name", parse::text)?,
            address_family: values
                .required("discovery.aws-api-ecs.address-family", parse::checked)?,
            client: client(
                values,
                "discovery.aws-api-ecs.region",
                "discovery.aws-api-ecs.endpoint",
            )?,
        }),
        MethodName::EcsTaskSet => Settings::EcsTaskSet(EcsTaskSet {
            cluster: values.required("discovery.aws-api-ecs-task-set.cluster", parse::text)?,
            container_name: values
                .optional("discovery.aws-api-ecs-task-set.container-name", parse::text)?,
            address_family: values.required(
                "discovery.aws-api-ecs-task-set.address-family",
                parse::checked,
            )?,
            client: client(
                values,
                "discovery.aws-api-ecs-task-set.region",
                "discovery.aws-api-ecs-task-set.endpoint",
            )?,
        }),
        MethodName::Ec2TagBased => Settings::Ec2TagBased(Ec2TagBased {
            tag_key: values.required("discovery.aws-api-ec2-tag-based.tag-key", parse::text)?,
            filters: values
                .optional("discovery.aws-api-ec2-tag-based.filters", parse::filters)?
                .unwrap_or_default(),
            ports: values
                .optional(
                    "discovery.aws-api-ec2-tag-based.ports",
                    parse::comma_separated,
                )?
                .unwrap_or_default(),
            address_family: values.required(
                "discovery.aws-api-ec2-tag-based.address-family",
                parse::checked,
            )?,
            client: client(
                values,
                "discovery.aws-api-ec2-tag-based.region",
                "discovery.aws-api-ec2-tag-based.endpoint",
            )?,
        }),
        MethodName::Config => Settings::Config(Fixed {
            targets: values.required("discovery.config.addresses", parse::comma_separated)?,
        }),
    })
}

/// Which of its own addresses a node takes: the one that it would look for in others.
///
/// # Errors
///
/// When a setting of discovery is wrong. Where no method is given, as in a shell beside a node, it is
/// the default.
pub fn address_family(values: &Values) -> Result<AddressFamily, Error> {
    let method: Option<MethodName> = values.optional("discovery.method", parse::checked)?;
    match method {
        Some(_) => Ok(discovery_settings(values)?.address_family()),
        None => Ok(AddressFamily::default()),
    }
}

fn client(values: &Values, region: &'static str, endpoint: &'static str) -> Result<Client, Error> {
    Ok(Client {
        region: values.optional(region, parse::text)?,
        endpoint: values.optional(endpoint, parse::text)?,
        sdk_config: None,
    })
}

/// The name that is looked up.
///
/// # Errors
///
/// When it is missing or no name.
pub fn service_name(values: &Values) -> Result<ClusterName, Error> {
    values.required("bootstrap.service-name", parse::text)
}

/// The limit of one lookup.
///
/// # Errors
///
/// When it is wrong.
pub fn resolve_timeout(values: &Values) -> Result<Duration, Error> {
    values.required("bootstrap.resolve-timeout", parse::duration)
}

fn bootstrap(values: &Values) -> Result<Bootstrap, Error> {
    Ok(Bootstrap {
        service_name: service_name(values)?,
        port_name: values.optional("bootstrap.port-name", parse::text)?,
        new_cluster_enabled: values.required("bootstrap.new-cluster-enabled", parse::switch)?,
        stable_margin: values.required("bootstrap.stable-margin", parse::duration)?,
        interval: values.required("bootstrap.interval", parse::duration)?,
        random_factor: values
            .required("bootstrap.exponential-backoff-random-factor", parse::share)?,
        backoff_max: values.required("bootstrap.exponential-backoff-max", parse::duration)?,
        participants: participants(values)?,
        expected_nodes: values.required("bootstrap.expected-nodes", parse::text)?,
        resolve_timeout: resolve_timeout(values)?,
        contact_with_all_contact_points: values
            .required("bootstrap.contact-with-all-contact-points", parse::switch)?,
        fallback_port: values.required("bootstrap.fallback-port", parse::port)?,
        filter_on_fallback_port: values
            .required("bootstrap.filter-on-fallback-port", parse::switch)?,
        probe_interval: values.required("bootstrap.probe-interval", parse::duration)?,
        probe_interval_jitter: values.required("bootstrap.probe-interval-jitter", parse::share)?,
        probing_failure_timeout: values
            .required("bootstrap.probing-failure-timeout", parse::duration)?,
        watch_interval: values.required("bootstrap.watch-interval", parse::duration)?,
        on_rival: values.required("bootstrap.on-rival-cluster", parse::text)?,
    })
}

/// How many processes may take part, by either of the setting's names. More than half must consent.
fn participants(values: &Values) -> Result<Option<NonZeroUsize>, Error> {
    let number = |name| values.optional(name, parse::number("a number of at least 1"));
    let participants: Option<NonZeroUsize> = number("bootstrap.participants")?;
    let consenting: Option<NonZeroUsize> = number("bootstrap.required-contact-points")?;
    let by_the_old_name = consenting.map(|consenting| {
        let others = consenting.get() - 1;
        consenting.saturating_add(others)
    });
    Ok(participants.max(by_the_old_name))
}

/// Where the node is.
///
/// # Errors
///
/// When a setting is wrong.
pub fn node(values: &Values) -> Result<Node, Error> {
    let ip = parse::number("an IP address, for example `10.0.1.7`");
    Ok(Node {
        address: values.optional("node.address", &ip)?,
        bind_address: values.optional("node.bind-address", &ip)?,
        grace_period: values.required("node.grace-period", parse::duration)?,
    })
}

fn membership(values: &Values) -> Result<Membership, Error> {
    let port = values.required("membership.port", parse::port)?;
    let unsealed = values.required("membership.unsealed", parse::switch)?;
    let sealed = values.optional("membership.keys", |raw| {
        let secrets = parse::ordered_words(raw)?;
        Keyring::from_secrets(&secrets).map_err(|error| error.to_string())
    })?;
    let keyring = match (sealed, unsealed) {
        (Some(keyring), false) => keyring,
        (None, true) => Keyring::unsealed(),
        (Some(_), true) => {
            return Err(Error::Combination(
                "membership.keys and membership.unsealed do not go together: drop one".to_owned(),
            ));
        }
        (None, false) => {
            return Err(Error::Combination(
                "membership.keys is not set: without a shared secret anybody on the network could \
                 join the cluster. Give DEMO_NODE_MEMBERSHIP_KEYS (for example the output of \
                 `openssl rand -hex 32`), or say `membership.unsealed = on` to run without"
                    .to_owned(),
            ));
        }
    };
    Ok(Membership {
        port,
        bind_port: values
            .optional("membership.bind-port", parse::port)?
            .unwrap_or(port),
        keyring,
        roles: values
            .optional("membership.roles", parse::words)?
            .unwrap_or_default(),
    })
}

/// How the node is managed.
///
/// # Errors
///
/// When a setting is wrong.
pub fn management(values: &Values) -> Result<Management, Error> {
    let port = values.required("management.port", parse::port)?;
    Ok(Management {
        port,
        bind_port: values
            .optional("management.bind-port", parse::port)?
            .unwrap_or(port),
        read_only: values.required("management.read-only", parse::switch)?,
        host_names: values
            .optional("management.host-names", parse::host_names)?
            .unwrap_or_default(),
    })
}

/// How the node logs.
///
/// # Errors
///
/// When a setting is wrong.
pub fn log(values: &Values) -> Result<Log, Error> {
    Ok(Log {
        filter: values.required("log.level", |raw| {
            let filter = parse::plain(raw)?;
            match filter.parse::<tracing_subscriber::EnvFilter>() {
                Ok(_) => Ok(filter.to_owned()),
                Err(_) => Err(
                    "expected error, warn, info, debug, trace, or a tracing filter \
                               such as `info,demo_node=debug`"
                        .to_owned(),
                ),
            }
        })?,
        format: values.required("log.format", |raw| match parse::plain(raw)? {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("expected `text` or `json`".to_owned()),
        })?,
    })
}

impl FromStr for ExpectedNodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            ("unknown", _) => Ok(Self::Unknown),
            (_, Ok(number)) => Ok(Self::Number(number)),
            (_, Err(_)) => Err("expected `auto`, `unknown` or a number of at least 1".to_owned()),
        }
    }
}

impl FromStr for OnRival {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "merge" => Ok(Self::Merge),
            "alarm" => Ok(Self::Alarm),
            _ => Err("expected `merge` or `alarm`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
