//! Every setting: its name, its default and what it does.
//!
//! The one table from which flags, environment names, file keys and `--help` are made, so that each
//! setting has all of them and none is forgotten.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as the file spells it: section and key, for example `bootstrap.stable-margin`.
    pub name: &'static str,
    /// What a value looks like, for `--help`.
    pub shape: &'static str,
    /// What it is without being set.
    pub default: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

impl Setting {
    /// The environment variable.
    #[must_use]
    pub fn env(&self) -> String {
        format!(
            "DEMO_NODE_{}",
            self.name.replace(['.', '-'], "_").to_ascii_uppercase()
        )
    }

    /// The flag, without its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace('.', "-")
    }

    /// The setting of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

const fn setting(name: &'static str, shape: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        shape,
        default: None,
        help,
        secret: false,
    }
}

const fn with_default(
    name: &'static str,
    shape: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        default: Some(default),
        ..setting(name, shape, help)
    }
}

const FAMILY_HELP: &str = "Which of a peer's addresses to use";
const REGION_HELP: &str = "Region, where it shall differ from the SDK's usual chain";
const ENDPOINT_HELP: &str = "Endpoint URL, where it shall differ from the SDK's usual chain";
const CONTAINER_HELP: &str =
    "The container whose network interface counts, where a task has several";

/// Every setting, in the order in which `--help` lists them.
pub const SETTINGS: &[Setting] = &[
    setting(
        "discovery.method",
        "METHOD",
        "How peers are found: aws-api-ec2-tag-based, aws-api-ecs, aws-api-ecs-task-set or config",
    ),
    with_default(
        "discovery.aws-api-ecs.cluster",
        "NAME|ARN",
        "default",
        "The ECS cluster",
    ),
    setting(
        "discovery.aws-api-ecs.tags",
        "KEY=VALUE;…",
        "Tags that a task must carry, all of them",
    ),
    setting(
        "discovery.aws-api-ecs.container-name",
        "NAME",
        CONTAINER_HELP,
    ),
    with_default(
        "discovery.aws-api-ecs.address-family",
        "ipv4|ipv6",
        "ipv4",
        FAMILY_HELP,
    ),
    setting("discovery.aws-api-ecs.region", "REGION", REGION_HELP),
    setting("discovery.aws-api-ecs.endpoint", "URL", ENDPOINT_HELP),
    with_default(
        "discovery.aws-api-ecs-task-set.cluster",
        "NAME|ARN",
        "default",
        "The ECS cluster that this node's own task runs in",
    ),
    setting(
        "discovery.aws-api-ecs-task-set.container-name",
        "NAME",
        CONTAINER_HELP,
    ),
    with_default(
        "discovery.aws-api-ecs-task-set.address-family",
        "ipv4|ipv6",
        "ipv4",
        FAMILY_HELP,
    ),
    setting(
        "discovery.aws-api-ecs-task-set.region",
        "REGION",
        REGION_HELP,
    ),
    setting(
        "discovery.aws-api-ecs-task-set.endpoint",
        "URL",
        ENDPOINT_HELP,
    ),
    with_default(
        "discovery.aws-api-ec2-tag-based.tag-key",
        "KEY",
        "service",
        "The tag whose value is the service name",
    ),
    setting(
        "discovery.aws-api-ec2-tag-based.filters",
        "NAME=VALUE;…",
        "Further DescribeInstances filters, for example instance-type=m1.small;tag:purpose=production. \
         In the file also a table: name = [\"value\", …]",
    ),
    setting(
        "discovery.aws-api-ec2-tag-based.ports",
        "PORT,…",
        "Management ports of the nodes that every instance runs",
    ),
    with_default(
        "discovery.aws-api-ec2-tag-based.address-family",
        "ipv4|ipv6",
        "ipv4",
        FAMILY_HELP,
    ),
    setting(
        "discovery.aws-api-ec2-tag-based.region",
        "REGION",
        REGION_HELP,
    ),
    setting(
        "discovery.aws-api-ec2-tag-based.endpoint",
        "URL",
        ENDPOINT_HELP,
    ),
    setting(
        "discovery.config.addresses",
        "IP[:PORT],…",
        "The peers' addresses, for the method `config`",
    ),
    setting(
        "bootstrap.service-name",
        "NAME",
        "What is looked up: the ECS service's name or the tag's value. Also the cluster's name",
    ),
    setting(
        "bootstrap.port-name",
        "NAME",
        "Port name to ask discovery for; then every port that it returns is probed",
    ),
    with_default(
        "bootstrap.new-cluster-enabled",
        "BOOL",
        "on",
        "Whether this node may found a cluster, or only join one",
    ),
    with_default(
        "bootstrap.stable-margin",
        "DURATION",
        "5s",
        "How long the contact points must not have changed before a cluster is founded, \
         where the expected nodes are unknown",
    ),
    with_default(
        "bootstrap.interval",
        "DURATION",
        "1s",
        "Pause between two lookups",
    ),
    with_default(
        "bootstrap.exponential-backoff-random-factor",
        "FACTOR",
        "0.2",
        "Up to this share is added to pauses between lookups, at random",
    ),
    with_default(
        "bootstrap.exponential-backoff-max",
        "DURATION",
        "15s",
        "Longest pause between lookups that fail",
    ),
    setting(
        "bootstrap.participants",
        "NUMBER",
        "How many processes may take part in founding a cluster, those included that restart \
         meanwhile. More than half of them must consent. Never less than the expected nodes, nor \
         than those that discovery lists [default: the expected nodes; 3 where those are unknown]",
    ),
    setting(
        "bootstrap.required-contact-points",
        "NUMBER",
        "The former way to say it: how many must consent. N is the same as 2 N - 1 participants",
    ),
    with_default(
        "bootstrap.expected-nodes",
        "NUMBER|auto|unknown",
        "auto",
        "How many nodes the deployment means to run. `auto` asks the ECS service, until this node is \
         a member",
    ),
    with_default(
        "bootstrap.resolve-timeout",
        "DURATION",
        "3s",
        "Limit of one lookup, all its pages and calls included",
    ),
    with_default(
        "bootstrap.contact-with-all-contact-points",
        "BOOL",
        "on",
        "Whether every contact point must have answered before a cluster is founded, \
         where the expected nodes are unknown",
    ),
    with_default(
        "bootstrap.fallback-port",
        "PORT",
        "7626",
        "Management port of peers for which discovery names none",
    ),
    with_default(
        "bootstrap.filter-on-fallback-port",
        "BOOL",
        "on",
        "Whether, of a host with several ports, only the fallback port is probed",
    ),
    with_default(
        "bootstrap.probe-interval",
        "DURATION",
        "1s",
        "Pause between two probes of a contact point, and the limit of one probe",
    ),
    with_default(
        "bootstrap.probe-interval-jitter",
        "FACTOR",
        "0.2",
        "Up to this share is added to pauses between probes, at random",
    ),
    with_default(
        "bootstrap.probing-failure-timeout",
        "DURATION",
        "3s",
        "A contact point that fails for this long is dropped until discovery names it again; no less \
         than two probe intervals and the jitter of one",
    ),
    with_default(
        "bootstrap.watch-interval",
        "DURATION",
        "1m",
        "How often a member looks for other clusters of the same name, at most; less often in large \
         clusters, so that all members together make no more than 2 calls a second",
    ),
    with_default(
        "bootstrap.on-rival-cluster",
        "merge|alarm",
        "merge",
        "What a member does about another cluster of the same name: the younger joins the older, \
         or only raise the alarm",
    ),
    setting(
        "node.address",
        "IP",
        "Address that peers reach this node at [default: found by task metadata, IMDSv2 or the \
         network interfaces]",
    ),
    setting(
        "node.bind-address",
        "IP",
        "Address to listen on, where it differs from node.address (Docker on an EC2 host) \
         [default: the container's own address]",
    ),
    with_default(
        "node.grace-period",
        "DURATION",
        "10s",
        "How long leaving may take after SIGTERM, SIGINT or SIGHUP",
    ),
    with_default(
        "membership.port",
        "PORT",
        "7355",
        "UDP port of gossip, as peers reach it",
    ),
    setting(
        "membership.bind-port",
        "PORT",
        "UDP port to listen on [default: membership.port]",
    ),
    Setting {
        secret: true,
        ..setting(
            "membership.keys",
            "SECRET,…",
            "Secrets of at least 32 characters that the whole cluster shares: the first seals, \
             all open. To rotate, add the new one last everywhere, then put it first, then drop the old",
        )
    },
    with_default(
        "membership.unsealed",
        "BOOL",
        "off",
        "Run without keys. Anybody on the network can then read, join and alter the cluster",
    ),
    setting(
        "membership.roles",
        "ROLE,…",
        "Roles of this node, shown to the others",
    ),
    with_default(
        "management.port",
        "PORT",
        "7626",
        "TCP port of management HTTP, as peers reach it",
    ),
    setting(
        "management.bind-port",
        "PORT",
        "TCP port to listen on [default: management.port]",
    ),
    with_default(
        "management.read-only",
        "BOOL",
        "on",
        "Whether joining, leaving and downing over management HTTP are refused",
    ),
    setting(
        "management.host-names",
        "NAME,…",
        "Names by which this node may be told to join, leave or down, besides IP addresses and \
         localhost: requests to others are refused, since any site can give this node one of its own",
    ),
    with_default(
        "log.level",
        "FILTER",
        "info",
        "What is logged: error, warn, info, debug or trace, or a tracing filter",
    ),
    with_default(
        "log.format",
        "text|json",
        "text",
        "Text for people, JSON for CloudWatch",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_section_and_key() {
        let setting = Setting::named("discovery.aws-api-ecs-task-set.cluster").unwrap();
        assert_eq!(
            setting.env(),
            "DEMO_NODE_DISCOVERY_AWS_API_ECS_TASK_SET_CLUSTER"
        );
        assert_eq!(setting.flag(), "discovery-aws-api-ecs-task-set-cluster");
    }

    #[test]
    fn no_two_settings_share_a_flag_or_a_variable() {
        for (i, one) in SETTINGS.iter().enumerate() {
            for other in &SETTINGS[i + 1..] {
                assert_ne!(one.env(), other.env());
                assert_ne!(one.flag(), other.flag());
            }
        }
    }
}
