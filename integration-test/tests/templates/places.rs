//! What becomes of the templates in each kind of region, whatever is chosen.

use std::collections::BTreeMap;

use deploy::templates::{Stack, Template};
use serde_json::Value;

use crate::support::texts;

/// A region of each partition.
const REGIONS: [(&str, &str); 3] = [
    ("eu-west-1", "aws"),
    ("cn-north-1", "aws-cn"),
    ("us-gov-west-1", "aws-us-gov"),
];

const ACCOUNT: &str = "123456789012";

/// Parameters that have no default.
const GIVEN: &[(&str, &str)] = &[
    ("BlueImageUri", "demo-node:1"),
    (
        "DeployerArn",
        "arn:PARTITION:iam::123456789012:role/deployer",
    ),
    ("GreenImageUri", "demo-node:2"),
    ("ImageUri", "demo-node:1"),
    ("ProgramBucket", "programs"),
    ("ProgramKey", "demo-node"),
    ("ProgramSha256", "00"),
    ("SubnetIds", "subnet-1,subnet-2"),
    ("VpcId", "vpc-1"),
];

/// Those that leave something out where they are empty.
const OPTIONAL: &[(&str, &str)] = &[
    (
        "AlarmTopicArn",
        "arn:PARTITION:sns:eu-west-1:123456789012:alarms",
    ),
    ("EndpointClientSecurityGroupId", "sg-1"),
    ("FirstZone", "eu-west-1c"),
    ("MaxCount", "9"),
    (
        "PermissionsBoundaryArn",
        "arn:PARTITION:iam::123456789012:policy/bounds",
    ),
    (
        "RepositoryArn",
        "arn:PARTITION:ecr:eu-west-1:123456789012:repository/demo-node",
    ),
];

#[test]
fn every_template_has_a_meaning_in_every_partition_whatever_is_chosen() {
    for template in Template::all().unwrap() {
        for (region, partition) in REGIONS {
            for chosen in choices(&template) {
                let stack = stack(&template, region, partition, &chosen);
                let resources = stack.resources();
                let resources = resources.unwrap_or_else(|error| {
                    panic!("{}, {region}, {chosen:?}: {error}", template.name)
                });
                for (id, properties) in &resources {
                    assert_stays_in(partition, &format!("{}, {id}", template.name), properties);
                }
            }
        }
    }
}

/// As `aws ec2 describe-vpc-endpoint-services` names them there: see aws-cdk, `InterfaceVpcEndpointAwsService`.
#[test]
fn endpoints_go_by_the_names_that_services_have_in_each_partition() {
    let template = Template::read("network.yaml").unwrap();
    let others_in_china = ["autoscaling", "cloudformation", "ec2", "ecr.api", "ecr.dkr"];
    let mut seen = BTreeMap::new();
    for (region, partition) in REGIONS {
        for method in ["ecs", "ec2"] {
            let stack = stack(
                &template,
                region,
                partition,
                &Some(("Method".to_owned(), method.to_owned())),
            )
            .with("SessionManager", "ENABLED");
            for (id, properties) in stack.resources().unwrap() {
                let Some(name) = properties["ServiceName"].as_str() else {
                    continue;
                };
                let service = name.split_once(region).unwrap().1.trim_start_matches('.');
                let prefix = match partition {
                    "aws-cn" if others_in_china.contains(&service) => "cn.com.amazonaws",
                    _ => "com.amazonaws",
                };
                assert_eq!(name, format!("{prefix}.{region}.{service}"), "{id}");
                seen.insert(service.to_owned(), id.to_owned());
            }
        }
    }
    let services: Vec<_> = seen.keys().map(String::as_str).collect();
    let known = [
        "autoscaling",
        "cloudformation",
        "ec2",
        "ecr.api",
        "ecr.dkr",
        "ecs",
        "logs",
        "s3",
        "secretsmanager",
        "ssm",
        "ssmmessages",
    ];
    assert_eq!(services, known);
}

#[test]
fn zones_that_are_chosen_are_taken_and_others_are_not() {
    let template = Template::read("network.yaml").unwrap();
    let zones = |stack: Stack<'_>| {
        let resources = stack.with_names_standing_in().resources().unwrap();
        ["SubnetA", "SubnetB", "SubnetC"].map(|subnet| {
            resources
                .get(subnet)
                .map(|it| it["AvailabilityZone"].as_str().unwrap().to_owned())
        })
    };
    let three = || Stack::of(&template, "eu-west-1", ACCOUNT).with("Zones", "3");

    let some = |zone: &str| Some(zone.to_owned());
    assert_eq!(
        zones(three()),
        [some("eu-west-1a"), some("eu-west-1b"), some("eu-west-1c")]
    );
    let chosen = three()
        .with("FirstZone", "eu-west-1d")
        .with("SecondZone", "eu-west-1b")
        .with("ThirdZone", "eu-west-1e");
    assert_eq!(
        zones(chosen),
        [some("eu-west-1d"), some("eu-west-1b"), some("eu-west-1e")]
    );
    let two = Stack::of(&template, "eu-west-1", ACCOUNT);
    assert_eq!(zones(two), [some("eu-west-1a"), some("eu-west-1b"), None]);
}

/// The defaults, and for each parameter each other value that it can be told to have.
fn choices(template: &Template) -> Vec<Option<(String, String)>> {
    let mut choices = vec![None];
    for (name, parameter) in template.section("Parameters") {
        let allowed = parameter["AllowedValues"].as_array().into_iter().flatten();
        let allowed = allowed.map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        });
        let optional = OPTIONAL.iter().filter(|(optional, _)| *optional == name);
        let values = allowed.chain(optional.map(|(_, value)| (*value).to_owned()));
        choices.extend(values.map(|value| Some((name.to_owned(), value))));
    }
    choices
}

fn stack<'a>(
    template: &'a Template,
    region: &str,
    partition: &str,
    chosen: &Option<(String, String)>,
) -> Stack<'a> {
    let given = GIVEN
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut stack = Stack::of(template, region, ACCOUNT).with_names_standing_in();
    for (name, value) in given.chain(chosen.clone()) {
        if template
            .section("Parameters")
            .any(|(known, _)| known == name)
        {
            stack = stack.with(&name, &value.replace("PARTITION", partition));
        }
    }
    stack
}

#[track_caller]
fn assert_stays_in(partition: &str, what: &str, properties: &Value) {
    for (_, text) in texts(properties) {
        for (at, _) in text.match_indices("arn:") {
            let arn = &text[at..];
            assert!(
                arn.starts_with(&format!("arn:{partition}:")),
                "{what}: {arn}"
            );
        }
        assert!(!text.contains("${"), "{what}: {text}");
    }
}
