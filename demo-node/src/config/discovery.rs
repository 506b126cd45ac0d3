//! What an operator can tell about discovery: the method, and the settings of each.

use discovery::config::{
    AddressFamily, Addresses, Client, DEFAULT_CLUSTER, DEFAULT_TAG_KEY, Ec2TagBased, Ecs,
    EcsTaskSet, Filters, Fixed, MethodName, Ports, Settings, Tags,
};

use super::{
    declare::settings,
    parse,
    setting::{Optional, Required, Setting, optional},
    values::{Error, Values},
};

const METHOD: Optional<MethodName> = optional(
    "discovery.method",
    "METHOD",
    parse::checked,
    "How peers are found: aws-api-ec2-tag-based, aws-api-ecs, aws-api-ecs-task-set or config",
);
const REQUIRED_METHOD: Required<MethodName> = METHOD.required();

const FAMILY_HELP: &str = "Which addresses to use, of peers and of this node. `auto` takes IPv4 where \
    there is one, else IPv6";
const REGION_HELP: &str = "AWS region; overrides the SDK's default";
const ENDPOINT_HELP: &str =
    "URL of the AWS API, for example of an emulator; overrides the SDK's default";
const CONTAINER_HELP: &str =
    "Which container's network interface gives the address, if a task has several";

settings! {
    /// `aws-api-ecs`
    struct OfEcs {
        /// The ECS cluster's name or ARN.
        cluster: String = optional(
            "discovery.aws-api-ecs.cluster",
            "NAME|ARN",
            parse::text::<String>,
            "The ECS cluster",
        ).or(DEFAULT_CLUSTER);
        /// Tags that a task must carry, all of them.
        tags: Option<Tags> = optional(
            "discovery.aws-api-ecs.tags",
            "KEY=VALUE;…",
            parse::tags,
            "Only tasks that carry all of these tags",
        );
        /// The container whose network interface counts.
        container_name: Option<String> = optional(
            "discovery.aws-api-ecs.container-name",
            "NAME",
            parse::text::<String>,
            CONTAINER_HELP,
        );
        /// Which address.
        address_family: AddressFamily = optional(
            "discovery.aws-api-ecs.address-family",
            "auto|ipv4|ipv6",
            parse::checked::<AddressFamily>,
            FAMILY_HELP,
        ).or("auto");
        /// The region.
        region: Option<String> = optional(
            "discovery.aws-api-ecs.region",
            "REGION",
            parse::text::<String>,
            REGION_HELP,
        );
        /// The endpoint.
        endpoint: Option<String> = optional(
            "discovery.aws-api-ecs.endpoint",
            "URL",
            parse::text::<String>,
            ENDPOINT_HELP,
        );
    }
}

settings! {
    /// `aws-api-ecs-task-set`
    struct OfEcsTaskSet {
        /// The ECS cluster's name or ARN.
        cluster: String = optional(
            "discovery.aws-api-ecs-task-set.cluster",
            "NAME|ARN",
            parse::text::<String>,
            "The ECS cluster that this node's own task runs in",
        ).or(DEFAULT_CLUSTER);
        /// The container whose network interface counts.
        container_name: Option<String> = optional(
            "discovery.aws-api-ecs-task-set.container-name",
            "NAME",
            parse::text::<String>,
            CONTAINER_HELP,
        );
        /// Which address.
        address_family: AddressFamily = optional(
            "discovery.aws-api-ecs-task-set.address-family",
            "auto|ipv4|ipv6",
            parse::checked::<AddressFamily>,
            FAMILY_HELP,
        ).or("auto");
        /// The region.
        region: Option<String> = optional(
            "discovery.aws-api-ecs-task-set.region",
            "REGION",
            parse::text::<String>,
            REGION_HELP,
        );
        /// The endpoint.
        endpoint: Option<String> = optional(
            "discovery.aws-api-ecs-task-set.endpoint",
            "URL",
            parse::text::<String>,
            ENDPOINT_HELP,
        );
    }
}

settings! {
    /// `aws-api-ec2-tag-based`
    struct OfEc2TagBased {
        /// The tag whose value is the service name.
        tag_key: String = optional(
            "discovery.aws-api-ec2-tag-based.tag-key",
            "KEY",
            parse::text::<String>,
            "The tag whose value is the service name",
        ).or(DEFAULT_TAG_KEY);
        /// Further filters.
        filters: Option<Filters> = optional(
            "discovery.aws-api-ec2-tag-based.filters",
            "NAME=VALUE;…",
            parse::filters,
            "More filters of DescribeInstances, for example \
             instance-type=m1.small;tag:purpose=production. In the file also a table: name = \
             [\"value\", …]",
        );
        /// Management ports of the nodes that every instance runs.
        ports: Option<Ports> = optional(
            "discovery.aws-api-ec2-tag-based.ports",
            "PORT,…",
            parse::comma_separated::<Ports>,
            "Management ports, if each instance runs several nodes",
        );
        /// Which address.
        address_family: AddressFamily = optional(
            "discovery.aws-api-ec2-tag-based.address-family",
            "auto|ipv4|ipv6",
            parse::checked::<AddressFamily>,
            FAMILY_HELP,
        ).or("auto");
        /// The region.
        region: Option<String> = optional(
            "discovery.aws-api-ec2-tag-based.region",
            "REGION",
            parse::text::<String>,
            REGION_HELP,
        );
        /// The endpoint.
        endpoint: Option<String> = optional(
            "discovery.aws-api-ec2-tag-based.endpoint",
            "URL",
            parse::text::<String>,
            ENDPOINT_HELP,
        );
    }
}

settings! {
    /// `config`
    struct OfConfig {
        /// The peers.
        addresses: Addresses = optional(
            "discovery.config.addresses",
            "IP[:PORT],…",
            parse::comma_separated::<Addresses>,
            "The peers' addresses, for the method `config`",
        ).required();
    }
}

/// All of them, in the order in which `--help` lists them.
pub(super) const SETTINGS: [&[Setting]; 5] = [
    &[METHOD.setting],
    OfEcs::SETTINGS,
    OfEcsTaskSet::SETTINGS,
    OfEc2TagBased::SETTINGS,
    OfConfig::SETTINGS,
];

/// How peers are found; enough for a lookup by hand.
///
/// # Errors
///
/// When a setting is wrong, or the method is not given.
pub fn discovery_settings(values: &Values) -> Result<Settings, Error> {
    let client = |region, endpoint| {
        let mut client = Client::default();
        client.region = region;
        client.endpoint = endpoint;
        client
    };
    Ok(match values.get(&REQUIRED_METHOD)? {
        MethodName::Ecs => {
            let read = OfEcs::read(values)?;
            let mut ecs = Ecs::in_cluster(read.cluster);
            ecs.tags = read.tags.unwrap_or_default();
            ecs.container_name = read.container_name;
            ecs.address_family = read.address_family;
            ecs.client = client(read.region, read.endpoint);
            Settings::Ecs(ecs)
        }
        MethodName::EcsTaskSet => {
            let read = OfEcsTaskSet::read(values)?;
            let mut ecs = EcsTaskSet::in_cluster(read.cluster);
            ecs.container_name = read.container_name;
            ecs.address_family = read.address_family;
            ecs.client = client(read.region, read.endpoint);
            Settings::EcsTaskSet(ecs)
        }
        MethodName::Ec2TagBased => {
            let read = OfEc2TagBased::read(values)?;
            let mut ec2 = Ec2TagBased::by_tag(read.tag_key);
            ec2.filters = read.filters.unwrap_or_default();
            ec2.ports = read.ports.unwrap_or_default();
            ec2.address_family = read.address_family;
            ec2.client = client(read.region, read.endpoint);
            Settings::Ec2TagBased(ec2)
        }
        MethodName::Config => Settings::Config(Fixed::new(OfConfig::read(values)?.addresses)),
    })
}

/// Which of its own addresses a node takes: the one that it would look for in others.
///
/// # Errors
///
/// When a setting of discovery is wrong. Where no method is given, as in a shell beside a node, it is
/// the default.
pub fn address_family(values: &Values) -> Result<AddressFamily, Error> {
    match values.get(&METHOD)? {
        Some(_) => Ok(discovery_settings(values)?.address_family()),
        None => Ok(AddressFamily::default()),
    }
}
