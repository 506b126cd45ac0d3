//! What CloudFormation does for each resource, and the role that it does it with.
//!
//! `handlers.json` has what AWS says its handlers need, with its date and how to renew it.

use std::collections::{BTreeMap, BTreeSet};

use deploy::templates::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    statements::{Policy, statements},
    support::choices,
};

const DEPLOYER: &str = "deployer-role.yaml";

/// IAM takes no more characters, blanks not counted: of a managed policy, and of all inline policies of a role.
const MANAGED: usize = 6_144;
const INLINE: usize = 10_240;

#[derive(Deserialize)]
struct Handlers {
    types: BTreeMap<String, Handler>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handler {
    /// Whether CloudFormation tags it with the stack that it is of.
    system_tags: bool,
    create: Vec<String>,
    read: Vec<String>,
    update: Vec<String>,
    delete: Vec<String>,
}

/// What handlers name by a pattern, and what of it the resources here need.
const MEANT: &[(&str, &[&str])] = &[
    (
        "autoscaling:Describe*",
        &[
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:DescribeInstanceRefreshes",
            "autoscaling:DescribeLifecycleHooks",
            "autoscaling:DescribeLoadBalancerTargetGroups",
            "autoscaling:DescribeLoadBalancers",
            "autoscaling:DescribeNotificationConfigurations",
            "autoscaling:DescribePolicies",
            "autoscaling:DescribeScalingActivities",
            "autoscaling:DescribeScheduledActions",
            "autoscaling:DescribeTags",
            "autoscaling:DescribeTrafficSources",
            "autoscaling:DescribeWarmPool",
        ],
    ),
    (
        "ec2:Describe*",
        &[
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
    ),
    ("ssm:Get*", &["ssm:GetParameters"]),
];

/// What handlers name, and the templates have no property for: a pattern, and why it is not granted.
const NOT_NEEDED: &[(&str, &str)] = &[
    (
        "application-autoscaling:DeleteScheduledAction",
        "nothing scales by the clock",
    ),
    (
        "application-autoscaling:PutScheduledAction",
        "nothing scales by the clock",
    ),
    ("autoscaling:Attach*", "groups have no load balancer"),
    (
        "autoscaling:CancelInstanceRefresh",
        "groups change by rolling updates, not by refreshes",
    ),
    (
        "autoscaling:DeleteLifecycleHook",
        "groups have no lifecycle hooks",
    ),
    (
        "autoscaling:DeleteNotificationConfiguration",
        "groups notify nobody",
    ),
    ("autoscaling:Detach*", "groups have no load balancer"),
    (
        "autoscaling:DisableMetricsCollection",
        "metrics of groups are not collected",
    ),
    (
        "autoscaling:EnableMetricsCollection",
        "metrics of groups are not collected",
    ),
    (
        "autoscaling:PutLifecycleHook",
        "groups have no lifecycle hooks",
    ),
    (
        "autoscaling:PutNotificationConfiguration",
        "groups notify nobody",
    ),
    (
        "autoscaling:StartInstanceRefresh",
        "groups change by rolling updates, not by refreshes",
    ),
    (
        "ec2:AssociateSubnetCidrBlock",
        "subnets have no IPv6 addresses",
    ),
    (
        "ec2:CreateVpcEncryptionControl",
        "the VPC has no encryption control",
    ),
    (
        "ec2:DisassociateSubnetCidrBlock",
        "subnets have no IPv6 addresses",
    ),
    (
        "ec2:Get*",
        "a launch template names all that an instance is made of",
    ),
    ("ec2:ModifyVpcTenancy", "the tenancy of the VPC is not set"),
    (
        "ecr:DeleteRepositoryPolicy",
        "the repository has no policy of its own",
    ),
    (
        "ecr:SetRepositoryPolicy",
        "the repository has no policy of its own",
    ),
    (
        "ecs:PutAccountSetting*",
        "settings of the account are no stack's",
    ),
    ("elasticloadbalancing:*", "there is no load balancer"),
    ("firehose:*", "logs go to nobody else"),
    ("iam:AttachRolePolicy", "roles have no managed policies"),
    (
        "iam:DeleteRolePermissionsBoundary",
        "who could take the bounds away would have none",
    ),
    ("iam:DetachRolePolicy", "roles have no managed policies"),
    (
        "iam:PutRolePermissionsBoundary",
        "who could change the bounds would have none",
    ),
    ("kms:CreateGrant", "images are sealed with ECR's own key"),
    ("kms:DisableKey", "keys stay in use until they are deleted"),
    ("kms:DisableKeyRotation", "keys rotate"),
    ("kms:EnableKey", "keys stay in use until they are deleted"),
    ("kms:RetireGrant", "images are sealed with ECR's own key"),
    ("lambda:*", "there is no function"),
    ("logs:CreateLogDelivery", "logs go to nobody else"),
    (
        "logs:DeleteDataProtectionPolicy",
        "logs have no data protection",
    ),
    (
        "logs:DeleteRetentionPolicy",
        "logs are always kept for some days",
    ),
    ("logs:DescribeResourcePolicies", "logs go to nobody else"),
    (
        "logs:PutDataProtectionPolicy",
        "logs have no data protection",
    ),
    ("logs:PutResourcePolicy", "logs go to nobody else"),
    ("managed-fleets:*", "groups launch by themselves"),
    ("s3:*", "logs go to nobody else"),
    (
        "secretsmanager:RemoveRegionsFromReplication",
        "secrets stay in their region",
    ),
    (
        "secretsmanager:ReplicateSecretToRegions",
        "secrets stay in their region",
    ),
    ("vpc-lattice:*", "there is no VPC Lattice"),
    (
        "vpce:AllowMultiRegion",
        "endpoints are for services of their own region",
    ),
];

/// What CloudFormation itself does besides, and no handler names.
const BESIDES: &[(&str, &str)] = &[
    ("autoscaling:ResumeProcesses", "UpdatePolicy"),
    ("autoscaling:SuspendProcesses", "UpdatePolicy"),
    (
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "UpdatePolicy",
    ),
    ("ec2:DescribeAvailabilityZones", "Fn::GetAZs"),
    ("ecr:BatchDeleteImage", "EmptyOnDelete"),
    ("ecr:ListImages", "EmptyOnDelete"),
    ("ssm:GetParameters", "a parameter that is an SSM parameter"),
];

#[test]
fn the_service_role_may_do_what_cloudformation_does_for_the_templates_and_nothing_else() {
    let deployer = Template::read(DEPLOYER).unwrap();

    assert_eq!(granted(&deployer), needed());
}

#[test]
fn an_action_that_is_taken_from_the_service_role_is_missed() {
    let deployer = Template::read(DEPLOYER).unwrap();
    let needed = needed();
    let taken = |action: &str| without(deployer.clone(), action);

    for action in granted(&deployer) {
        let rest = granted(&taken(&action));
        let missed: Vec<_> = needed.difference(&rest).collect();
        assert_eq!(missed, [&action]);
    }
}

#[test]
fn what_is_not_granted_has_a_reason_and_every_reason_is_of_use() {
    let named = named();
    for (pattern, reason) in NOT_NEEDED {
        assert!(
            named.iter().any(|action| matches(pattern, action)),
            "{pattern}: {reason}"
        );
    }
    for (pattern, _) in MEANT {
        assert!(named.contains(*pattern), "{pattern}");
    }
}

#[test]
fn what_cloudformation_does_not_tag_is_tagged_by_the_template_where_a_policy_asks() {
    let handlers = handlers();
    for template in templates() {
        for kind in ["AWS::EC2::LaunchTemplate", "AWS::KMS::Key"] {
            assert!(!handlers.types[kind].system_tags);
            for resource in template.of_kind(kind) {
                let tags = match kind {
                    "AWS::KMS::Key" => &resource.properties["Tags"],
                    _ => &resource.properties["TagSpecifications"][0]["Tags"],
                };
                let stack = json!({"Key": "stack", "Value": {"Ref": "AWS::StackName"}});
                assert!(
                    choices(tags).contains(&&stack),
                    "{}: {}",
                    template.name,
                    resource.id
                );
            }
        }
    }
    for kind in [
        "RouteTable",
        "SecurityGroup",
        "Subnet",
        "VPC",
        "VPCEndpoint",
    ] {
        assert!(
            handlers.types[&format!("AWS::EC2::{kind}")].system_tags,
            "{kind}"
        );
    }
}

#[test]
fn policies_are_no_longer_than_iam_takes() {
    for template in Template::all().unwrap() {
        for resource in template.resources() {
            let properties = resource.properties;
            let (length, most) = match resource.kind {
                "AWS::IAM::ManagedPolicy" => (length(&properties["PolicyDocument"]), MANAGED),
                "AWS::IAM::Role" => (length(&properties["Policies"]), INLINE),
                _ => continue,
            };
            assert!(
                length < most,
                "{}, {}: {length}",
                template.name,
                resource.id
            );
        }
    }
}

/// Those that are deployed with the service role.
fn templates() -> Vec<Template> {
    let mut templates = Template::all().unwrap();
    templates.retain(|template| template.name != DEPLOYER);
    templates
}

fn handlers() -> Handlers {
    serde_json::from_str(include_str!("handlers.json")).unwrap()
}

/// All that the handlers of the resources in use name.
fn named() -> BTreeSet<String> {
    let handlers = handlers();
    let kinds: BTreeSet<_> = templates()
        .iter()
        .flat_map(|template| {
            template
                .resources()
                .map(|it| it.kind.to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    kinds
        .iter()
        .flat_map(|kind| {
            let handler = handlers.types.get(kind);
            let handler = handler.unwrap_or_else(|| panic!("handlers.json does not know {kind}"));
            let Handler {
                create,
                read,
                update,
                delete,
                ..
            } = handler;
            [create, read, update, delete].into_iter().flatten()
        })
        .cloned()
        .collect()
}

fn needed() -> BTreeSet<String> {
    let mut needed: BTreeSet<_> = named()
        .into_iter()
        .filter(|action| {
            !NOT_NEEDED
                .iter()
                .any(|(pattern, _)| matches(pattern, action))
        })
        .collect();
    for (pattern, meant) in MEANT {
        if needed.remove(*pattern) {
            needed.extend(meant.iter().map(|action| (*action).to_owned()));
        }
    }
    needed.extend(BESIDES.iter().map(|(action, _)| (*action).to_owned()));
    needed
}

/// What the service role may do: inline, and by policies that are attached to it.
fn granted(deployer: &Template) -> BTreeSet<String> {
    let of_role = |id: &str| {
        let resource = deployer.resources().find(|it| it.id == id).unwrap();
        id == "ServiceRole"
            || choices(&resource.properties["Roles"]).contains(&&json!({"Ref": "ServiceRole"}))
    };
    statements(deployer)
        .into_iter()
        .filter(|statement| statement.what == Policy::Identity && of_role(statement.at))
        .flat_map(|statement| statement.actions())
        .map(str::to_owned)
        .collect()
}

/// The same template where nobody may do that.
fn without(template: Template, action: &str) -> Template {
    let document = template.document().clone();
    let places = places(&document, "", action);
    places.into_iter().fold(template, |template, place| {
        template.with(&place, json!("nothing:AtAll"))
    })
}

fn places(value: &Value, at: &str, action: &str) -> Vec<String> {
    match value {
        Value::String(text) if text == action => vec![at.to_owned()],
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .flat_map(|(n, item)| places(item, &format!("{at}/{n}"), action))
                .collect()
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .flat_map(|(name, field)| {
                    places(field, &format!("{at}/{}", name.replace('/', "~1")), action)
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn matches(pattern: &str, action: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == action, |start| action.starts_with(start))
}

/// Longer than what becomes of it: a function is longer than its value.
fn length(policies: &Value) -> usize {
    policies
        .to_string()
        .chars()
        .filter(|c| !c.is_whitespace())
        .count()
}
