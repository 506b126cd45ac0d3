//! The settings of discovery: the method, and the settings of each method.

use std::collections::BTreeSet;

use discovery::config::{
    AddressFamily, Addresses, AssumedRole, Client, DEFAULT_CLUSTER, DEFAULT_TAG_KEY, Ec2TagBased,
    Ecs, EcsTaskSet, ExternalId, Filters, Fixed, MethodName, Ports, RoleArn, Services, SessionName,
    Settings, Tags,
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

const FAMILY_HELP: &str = "Which addresses to use, for peers and for this node. `auto` takes IPv4 if \
    there is one, else IPv6";
const REGION_HELP: &str = "AWS region; overrides the SDK's default";
const ENDPOINT_HELP: &str =
    "URL of the AWS API, for example of an emulator; overrides the SDK's default";
const ROLE_HELP: &str = "Role to assume for the calls, for example in another account";
const EXTERNAL_ID_HELP: &str = "External id, if the trust policy of that role requires one";
const CONTAINER_HELP: &str =
    "The container whose network interface gives the address, if a task has several";

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
        /// The services that form one cluster of nodes.
        services: Option<Services> = optional(
            "discovery.aws-api-ecs.services",
            "NAME|CLUSTER/NAME,…",
            parse::comma_separated::<Services>,
            "The ECS services whose tasks form one cluster of nodes; write CLUSTER/NAME for a \
             service in another ECS cluster [default: bootstrap.service-name]",
        );
        /// Tags that a task must carry, all of them.
        tags: Option<Tags> = optional(
            "discovery.aws-api-ecs.tags",
            "KEY=VALUE;…",
            parse::tags,
            "Only tasks that have all of these tags",
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
        /// The role to assume.
        role_arn: Option<RoleArn> = optional(
            "discovery.aws-api-ecs.role-arn",
            "ARN",
            parse::checked::<RoleArn>,
            ROLE_HELP,
        );
        /// What its trust policy asks for.
        external_id: Option<ExternalId> = optional(
            "discovery.aws-api-ecs.external-id",
            "ID",
            parse::checked::<ExternalId>,
            EXTERNAL_ID_HELP,
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
        /// The role to assume.
        role_arn: Option<RoleArn> = optional(
            "discovery.aws-api-ecs-task-set.role-arn",
            "ARN",
            parse::checked::<RoleArn>,
            ROLE_HELP,
        );
        /// What its trust policy asks for.
        external_id: Option<ExternalId> = optional(
            "discovery.aws-api-ecs-task-set.external-id",
            "ID",
            parse::checked::<ExternalId>,
            EXTERNAL_ID_HELP,
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
        /// The values of the tag.
        tag_values: Option<BTreeSet<String>> = optional(
            "discovery.aws-api-ec2-tag-based.tag-values",
            "VALUE,…",
            parse::words,
            "The tag values whose instances form one cluster of nodes [default: \
             bootstrap.service-name]",
        );
        /// Further filters.
        filters: Option<Filters> = optional(
            "discovery.aws-api-ec2-tag-based.filters",
            "NAME=VALUE;…",
            parse::filters,
            "More filters for DescribeInstances, for example \
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
        /// The role to assume.
        role_arn: Option<RoleArn> = optional(
            "discovery.aws-api-ec2-tag-based.role-arn",
            "ARN",
            parse::checked::<RoleArn>,
            ROLE_HELP,
        );
        /// What its trust policy asks for.
        external_id: Option<ExternalId> = optional(
            "discovery.aws-api-ec2-tag-based.external-id",
            "ID",
            parse::checked::<ExternalId>,
            EXTERNAL_ID_HELP,
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
    let method = values.get(&REQUIRED_METHOD)?;
    let client = |region, endpoint, role: Option<RoleArn>, external_id: Option<ExternalId>| {
        let mut client = Client::default();
        client.region = region;
        client.endpoint = endpoint;
        client.role = role.map(AssumedRole::new);
        match &mut client.role {
            Some(role) => role.external_id = external_id,
            None if external_id.is_some() => {
                return Err(Error::Combination(format!(
                    "discovery.{method}.external-id is set, and discovery.{method}.role-arn is \
                     not: an external id is only used with a role to assume"
                )));
            }
            None => {}
        }
        Ok(client)
    };
    Ok(match method {
        MethodName::Ecs => {
            let read = OfEcs::read(values)?;
            let mut ecs = Ecs::in_cluster(read.cluster);
            ecs.services = read.services.unwrap_or_default();
            ecs.tags = read.tags.unwrap_or_default();
            ecs.container_name = read.container_name;
            ecs.address_family = read.address_family;
            ecs.client = client(read.region, read.endpoint, read.role_arn, read.external_id)?;
            Settings::Ecs(ecs)
        }
        MethodName::EcsTaskSet => {
            let read = OfEcsTaskSet::read(values)?;
            let mut ecs = EcsTaskSet::in_cluster(read.cluster);
            ecs.container_name = read.container_name;
            ecs.address_family = read.address_family;
            ecs.client = client(read.region, read.endpoint, read.role_arn, read.external_id)?;
            Settings::EcsTaskSet(ecs)
        }
        MethodName::Ec2TagBased => {
            let read = OfEc2TagBased::read(values)?;
            let mut ec2 = Ec2TagBased::by_tag(read.tag_key);
            ec2.tag_values = read.tag_values.unwrap_or_default();
            ec2.filters = read.filters.unwrap_or_default();
            ec2.ports = read.ports.unwrap_or_default();
            ec2.address_family = read.address_family;
            ec2.client = client(read.region, read.endpoint, read.role_arn, read.external_id)?;
            Settings::Ec2TagBased(ec2)
        }
        MethodName::Config => Settings::Config(Fixed::new(OfConfig::read(values)?.addresses)),
    })
}

/// Names the session of an assumed role after the node that assumes it: the cluster's name and a place, for example
/// `orders@10.0.1.7`. So the other account's records tell nodes apart. Returns whether there is such a role.
pub fn name_session(settings: &mut Settings, cluster: &str, place: &str) -> bool {
    let role = settings
        .client_mut()
        .and_then(|client| client.role.as_mut());
    let Some(role) = role else {
        return false;
    };
    // A name may have 64 characters; the place tells more than the end of a long name.
    let cluster: String = cluster.chars().take(LONGEST_CLUSTER).collect();
    role.session_name = Some(SessionName::of(&format!("{cluster}@{place}")));
    true
}

/// How much of a cluster's name goes into a session's name, in characters: an IPv6 address may have 39.
const LONGEST_CLUSTER: usize = 24;

/// Which of its own addresses a node uses: of the same family as those of its peers. The default family if no method is
/// given, as in a shell next to a node.
///
/// # Errors
///
/// When a setting of discovery is wrong.
pub fn address_family(values: &Values) -> Result<AddressFamily, Error> {
    match values.get(&METHOD)? {
        Some(_) => Ok(discovery_settings(values)?.address_family()),
        None => Ok(AddressFamily::default()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = variables.iter().map(|(name, value)| {
            let name = format!("DEMO_NODE_DISCOVERY_{name}");
            (name, (*value).to_owned())
        });
        let values = crate::config::gather(&BTreeMap::new(), None, &variables.collect());
        let settings = values.and_then(|values| discovery_settings(&values));
        settings.map_err(|error| discovery::Chain(&error).to_string())
    }

    #[test]
    fn several_services_are_named_alone_or_with_their_ecs_cluster() {
        let Ok(Settings::Ecs(ecs)) = settings(&[
            ("METHOD", "aws-api-ecs"),
            ("AWS_API_ECS_SERVICES", "orders-api, workers/orders-batch"),
        ]) else {
            panic!("it is a method of ECS");
        };
        assert_eq!(ecs.services.to_string(), "orders-api,workers/orders-batch");
        let Ok(Settings::Ec2TagBased(ec2)) = settings(&[
            ("METHOD", "aws-api-ec2-tag-based"),
            ("AWS_API_EC2_TAG_BASED_TAG_VALUES", "api, batch"),
        ]) else {
            panic!("it is a method of EC2");
        };
        assert_eq!(Vec::from_iter(ec2.tag_values), ["api", "batch"]);
        let error = settings(&[
            ("METHOD", "aws-api-ecs"),
            ("AWS_API_ECS_SERVICES", "orders api"),
        ]);
        let error = error.unwrap_err();
        let quoted = "discovery.aws-api-ecs.services = `orders api`";
        assert!(error.contains(quoted), "{error}");
    }

    #[test]
    fn a_role_has_an_external_id_and_a_session_that_names_the_node() {
        for (method, section) in [
            ("aws-api-ecs", "AWS_API_ECS"),
            ("aws-api-ecs-task-set", "AWS_API_ECS_TASK_SET"),
            ("aws-api-ec2-tag-based", "AWS_API_EC2_TAG_BASED"),
        ] {
            let arn = "arn:aws:iam::123456789012:role/reader";
            let (role, id) = (
                format!("{section}_ROLE_ARN"),
                format!("{section}_EXTERNAL_ID"),
            );
            let both = [("METHOD", method), (&role, arn), (&id, "shop")];
            let mut made = settings(&both).unwrap();
            name_session(&mut made, &"orders-".repeat(9), "2001:db8::7");
            let role = made.client_mut().unwrap().role.take().unwrap();
            assert_eq!(role.arn.as_str(), arn);
            assert_eq!(role.external_id.unwrap().as_str(), "shop");
            let session = role.session_name.unwrap();
            assert_eq!(session.as_str(), "orders-orders-orders-ord@2001-db8--7");

            let error = settings(&[("METHOD", method), (&id, "shop")]).unwrap_err();
            let goes_with = format!(
                "discovery.{method}.external-id is set, and discovery.{method}.role-arn is not"
            );
            assert!(error.contains(&goes_with), "{error}");
        }
        let wrong = [
            ("METHOD", "aws-api-ecs"),
            ("AWS_API_ECS_ROLE_ARN", "reader"),
        ];
        let error = settings(&wrong).unwrap_err();
        assert!(error.contains("expected one like arn:aws:iam::"), "{error}");
    }
}
