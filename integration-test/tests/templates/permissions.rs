//! Who may do what.

use std::collections::BTreeMap;

use deploy::{service_roles, templates::Template};
use serde_json::{Value, json};

use crate::{
    statements::{Policy, Statement, statements},
    support::{all_keep, breaks, choices, texts},
};

const SERVICE: &str = "ecs-service.yaml";
const INSTANCES: &str = "ec2-auto-scaling-group.yaml";
const NETWORK: &str = "network.yaml";
const DEPLOYER: &str = "deployer-role.yaml";

const FIND_PEERS: &str = "/Resources/TaskRole/Properties/Policies/0/PolicyDocument/Statement";

#[test]
fn every_action_is_named() {
    all_keep(no_wildcard_action);

    breaks(
        no_wildcard_action,
        SERVICE,
        &format!("{FIND_PEERS}/0/Action"),
        json!("ecs:List*"),
    );
    breaks(
        no_wildcard_action,
        SERVICE,
        &format!("{FIND_PEERS}/0/Action"),
        json!(["*"]),
    );
    breaks(
        no_wildcard_action,
        SERVICE,
        &format!("{FIND_PEERS}/0/NotAction"),
        json!("iam:PassRole"),
    );
    breaks(
        no_wildcard_action,
        SERVICE,
        &format!("{FIND_PEERS}/1/NotResource"),
        json!("arn"),
    );
    let managed = "/Resources/TaskRole/Properties/ManagedPolicyArns";
    breaks(
        no_wildcard_action,
        SERVICE,
        managed,
        json!([{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/ReadOnlyAccess"}]),
    );
    let endpoint = "/Resources/EcsEndpoint/Properties/PolicyDocument";
    breaks(no_wildcard_action, NETWORK, endpoint, Value::Null);
}

#[test]
fn everything_is_a_resource_only_where_aws_knows_no_other() {
    all_keep(star_only_where_forced);

    breaks(
        star_only_where_forced,
        SERVICE,
        &format!("{FIND_PEERS}/1/Resource"),
        json!("*"),
    );
    breaks(
        star_only_where_forced,
        SERVICE,
        &format!("{FIND_PEERS}/1/Resource"),
        json!(["arn", "*"]),
    );
    breaks(
        star_only_where_forced,
        SERVICE,
        &format!("{FIND_PEERS}/0/Condition"),
        Value::Null,
    );
    breaks(
        star_only_where_forced,
        SERVICE,
        &format!("{FIND_PEERS}/0/Condition"),
        json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
    );
    breaks(
        star_only_where_forced,
        INSTANCES,
        "/Resources/InstanceRole/Properties/Policies/0/PolicyDocument/Statement/0/Condition",
        Value::Null,
    );
    breaks(
        star_only_where_forced,
        NETWORK,
        "/Resources/EcsEndpoint/Properties/PolicyDocument/Statement/0/Condition",
        Value::Null,
    );
}

#[test]
fn roles_of_services_are_made_and_never_deleted() {
    all_keep(roles_of_services_are_only_made);

    let statements = "/Resources/DeployerRole/Properties/Policies/0/PolicyDocument/Statement";
    let statement = format!(
        "{statements}/{}",
        place_of("LetServicesHaveTheirOwnRoles", statements)
    );
    for action in ["iam:DeleteServiceLinkedRole", "iam:PutRolePolicy"] {
        breaks(
            roles_of_services_are_only_made,
            DEPLOYER,
            &format!("{statement}/Action"),
            json!(["iam:CreateServiceLinkedRole", action]),
        );
    }
    breaks(
        roles_of_services_are_only_made,
        DEPLOYER,
        &format!("{statement}/Resource"),
        json!([{"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/*"}]),
    );
}

#[test]
fn the_deployer_may_make_the_roles_that_the_program_makes_and_no_other() {
    let statements = "/Resources/DeployerRole/Properties/Policies/0/PolicyDocument/Statement";
    let template = Template::read(DEPLOYER).unwrap();
    let statement = template
        .document()
        .pointer(&format!(
            "{statements}/{}",
            place_of("LetServicesHaveTheirOwnRoles", statements)
        ))
        .unwrap();

    let made = [service_roles::ECS, service_roles::AUTO_SCALING].map(|role| {
        let path = format!("role/aws-service-role/{}/{}", role.service, role.name);
        json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{path}")})
    });
    assert_eq!(statement["Resource"], json!(made));
    assert_eq!(statement["Action"], "iam:CreateServiceLinkedRole");
}

/// Where the statement of this name stands in the deployer's policy.
fn place_of(sid: &str, statements: &str) -> usize {
    let template = Template::read(DEPLOYER).unwrap();
    let statements = template
        .document()
        .pointer(statements)
        .unwrap()
        .as_array()
        .unwrap();
    statements
        .iter()
        .position(|statement| statement["Sid"] == sid)
        .unwrap()
}

#[test]
fn a_service_takes_a_role_only_on_behalf_of_this_account() {
    all_keep(trust_is_confined);

    let trust = "/Resources/TaskRole/Properties/AssumeRolePolicyDocument/Statement/0";
    breaks(
        trust_is_confined,
        SERVICE,
        &format!("{trust}/Condition"),
        Value::Null,
    );
    breaks(
        trust_is_confined,
        SERVICE,
        &format!("{trust}/Condition/StringEquals"),
        json!({}),
    );
    breaks(
        trust_is_confined,
        SERVICE,
        &format!("{trust}/Condition/ArnLike"),
        json!({"aws:SourceArn": "*"}),
    );
    breaks(
        trust_is_confined,
        SERVICE,
        &format!("{trust}/Principal"),
        json!("*"),
    );
    breaks(
        trust_is_confined,
        SERVICE,
        &format!("{trust}/Principal"),
        json!({"Service": "lambda.amazonaws.com"}),
    );
    breaks(
        trust_is_confined,
        SERVICE,
        &format!("{trust}/Principal"),
        json!({"AWS": "*"}),
    );
    let deployer =
        "/Resources/ServiceRole/Properties/AssumeRolePolicyDocument/Statement/0/Condition";
    breaks(trust_is_confined, DEPLOYER, deployer, Value::Null);
    breaks(
        trust_is_confined,
        DEPLOYER,
        &format!("{deployer}/StringEqualsIfExists/aws:SourceAccount"),
        json!("*"),
    );
}

#[test]
fn a_key_serves_this_account_and_its_own_log_only() {
    all_keep(keys_serve_this_account_only);

    let key = "/Resources/EncryptionKey/Properties/KeyPolicy/Statement";
    for n in 1..=2 {
        let condition = format!("{key}/{n}/Condition");
        breaks(
            keys_serve_this_account_only,
            SERVICE,
            &condition,
            Value::Null,
        );
    }
    breaks(
        no_wildcard_action,
        SERVICE,
        &format!("{key}/1/Action"),
        json!("kms:*"),
    );
}

#[test]
fn what_aws_authorises_on_no_resource_is_on_everything() {
    all_keep(forced_is_on_everything);

    let statement = json!([{
        "Effect": "Allow",
        "Action": "servicequotas:GetServiceQuota",
        "Resource": {"Fn::Sub": "arn:${AWS::Partition}:servicequotas:${AWS::Region}:${AWS::AccountId}:fargate/*"},
    }]);
    breaks(forced_is_on_everything, SERVICE, FIND_PEERS, statement);
}

/// Elsewhere it would allow nothing.
fn forced_is_on_everything(template: &Template) -> Vec<String> {
    let identity = statements(template)
        .into_iter()
        .filter(|statement| statement.what == Policy::Identity && !statement.on_everything());
    let of_none = |action: &&str| {
        FORCED
            .iter()
            .any(|(forced, key)| forced == action && *key != NEW_TAG)
    };
    identity
        .filter(|statement| statement.actions().iter().any(of_none))
        .map(|statement| format!("{} allows nothing", statement.named()))
        .collect()
}

#[test]
fn roles_are_handed_on_by_name_and_to_one_service() {
    all_keep(pass_role_is_scoped);

    let pass = |statement: Value| json!([statement]);
    let good = json!({
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/demo-*"},
        "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    });
    let service = Template::read(SERVICE).unwrap();
    assert!(pass_role_is_scoped(&service.with(FIND_PEERS, pass(good.clone()))).is_empty());

    let mut everything = good.clone();
    everything["Resource"] = json!("*");
    breaks(pass_role_is_scoped, SERVICE, FIND_PEERS, pass(everything));
    let mut every_role = good.clone();
    every_role["Resource"] =
        json!({"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"});
    breaks(pass_role_is_scoped, SERVICE, FIND_PEERS, pass(every_role));
    let mut to_anybody = good;
    to_anybody["Condition"] = json!({});
    breaks(pass_role_is_scoped, SERVICE, FIND_PEERS, pass(to_anybody));
}

#[test]
fn templates_work_in_every_partition() {
    all_keep(partition_is_not_written_down);

    let resource = format!("{FIND_PEERS}/1/Resource");
    breaks(
        partition_is_not_written_down,
        SERVICE,
        &resource,
        json!("arn:aws:ecs:eu-west-1:123456789012:task/a/*"),
    );
    breaks(
        partition_is_not_written_down,
        SERVICE,
        &resource,
        json!({"Fn::Sub": "arn:aws:ecs:${AWS::Region}:task/a/*"}),
    );
    breaks(
        partition_is_not_written_down,
        SERVICE,
        &resource,
        json!("arn:${AWS::Partition}:ecs:eu-west-1:123456789012:task/a/*"),
    );
}

/// Neither in a statement nor by AWS's own policies, which are full of them.
fn no_wildcard_action(template: &Template) -> Vec<String> {
    let wide = statements(template).into_iter().filter(|statement| {
        let actions = statement.actions();
        let named = |action: &&str| {
            // Without this, which every key has, nobody could ever change or delete it.
            !action.contains(['*', '?'])
                || statement.what == Policy::Key
                    && *action == "kms:*"
                    && is_left_to_the_account(statement)
        };
        actions.is_empty()
            || !actions.iter().all(named)
            || statement.statement.get("NotAction").is_some()
            || statement.statement.get("NotResource").is_some()
    });
    let wide = wide.map(|statement| format!("{} does not name its actions", statement.named()));
    let managed = template.of_kind("AWS::IAM::Role").filter(|role| {
        choices(&role.properties["ManagedPolicyArns"])
            .iter()
            .any(|arn| {
                texts(arn)
                    .iter()
                    .any(|(_, arn)| arn.contains(":aws:policy/"))
            })
    });
    let managed = managed.map(|role| format!("{} has a policy of AWS's own", role.id));
    // An endpoint without a policy lets everything through.
    let open = template
        .of_kind("AWS::EC2::VPCEndpoint")
        .filter(|endpoint| choices(&endpoint.properties["PolicyDocument"]["Statement"]).is_empty());
    let open = open.map(|endpoint| format!("{} lets everything through", endpoint.id));
    wide.chain(managed).chain(open).collect()
}

/// Actions that AWS authorises on no resource but `*`, each with a condition that confines it.
const FORCED: &[(&str, &str)] = &[
    ("ecs:ListTasks", "ecs:cluster"),
    // By nodes.
    ("ec2:DescribeInstances", REGION),
    // By ECS and by who pushes images.
    ("ecr:GetAuthorizationToken", REGION),
    // By the agent of Session Manager.
    ("ssm:UpdateInstanceInformation", REGION),
    ("ssmmessages:CreateControlChannel", REGION),
    ("ssmmessages:CreateDataChannel", REGION),
    ("ssmmessages:OpenControlChannel", REGION),
    ("ssmmessages:OpenDataChannel", REGION),
    // By CloudFormation and by who deploys.
    ("application-autoscaling:DescribeScalableTargets", REGION),
    ("application-autoscaling:DescribeScalingPolicies", REGION),
    ("application-autoscaling:DescribeScheduledActions", REGION),
    ("autoscaling:DescribeAutoScalingGroups", REGION),
    ("autoscaling:DescribeAutoScalingInstances", REGION),
    ("autoscaling:DescribeInstanceRefreshes", REGION),
    ("autoscaling:DescribeLifecycleHooks", REGION),
    ("autoscaling:DescribeLoadBalancerTargetGroups", REGION),
    ("autoscaling:DescribeLoadBalancers", REGION),
    ("autoscaling:DescribeNotificationConfigurations", REGION),
    ("autoscaling:DescribePolicies", REGION),
    ("autoscaling:DescribeScalingActivities", REGION),
    ("autoscaling:DescribeScheduledActions", REGION),
    ("autoscaling:DescribeTags", REGION),
    ("autoscaling:DescribeTrafficSources", REGION),
    ("autoscaling:DescribeWarmPool", REGION),
    ("cloudwatch:GetMetricData", REGION),
    ("ec2:DescribeAvailabilityZones", REGION),
    ("ec2:DescribeImages", REGION),
    ("ec2:DescribeInstanceTypeOfferings", REGION),
    ("ec2:DescribeInstanceTypes", REGION),
    ("ec2:DescribeLaunchTemplateVersions", REGION),
    ("ec2:DescribeLaunchTemplates", REGION),
    ("ec2:DescribeNetworkAcls", REGION),
    ("ec2:DescribeRouteTables", REGION),
    ("ec2:DescribeSecurityGroupRules", REGION),
    ("ec2:DescribeSecurityGroups", REGION),
    ("ec2:DescribeSubnets", REGION),
    ("ec2:DescribeVpcEncryptionControls", REGION),
    ("ec2:DescribeVpcEndpoints", REGION),
    ("ec2:DescribeVpcs", REGION),
    ("ecs:DeregisterTaskDefinition", REGION),
    ("ecs:DescribeTaskDefinition", REGION),
    ("ecs:ListTaskDefinitions", REGION),
    ("kms:CreateKey", NEW_TAG),
    ("kms:TagResource", NEW_TAG),
    ("logs:DescribeLogGroups", REGION),
    ("secretsmanager:GetRandomPassword", REGION),
    ("servicequotas:GetServiceQuota", REGION),
];

const REGION: &str = "aws:RequestedRegion";

/// What does not exist yet is known by the tag that it gets.
const NEW_TAG: &str = "aws:RequestTag/stack";

fn star_only_where_forced(template: &Template) -> Vec<String> {
    let forced: BTreeMap<_, _> = FORCED.iter().copied().collect();
    let wide = statements(template)
        .into_iter()
        .filter(Statement::on_everything);
    wide.filter(|statement| {
        let conditions = statement.conditions();
        !statement
            .actions()
            .iter()
            .all(|action| match statement.what {
                Policy::Identity => forced
                    .get(action)
                    .is_some_and(|key| conditions.contains_key(key)),
                // What an endpoint lets through, a role must allow too.
                Policy::Endpoint => {
                    forced.contains_key(action) && conditions.contains_key("aws:PrincipalAccount")
                }
                Policy::Trust => false,
                // Here everything is the key itself.
                Policy::Key => true,
            })
    })
    .map(|statement| format!("{} covers everything", statement.named()))
    .collect()
}

fn is_left_to_the_account(statement: &Statement<'_>) -> bool {
    statement.statement["Principal"]
        == json!({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}})
}

fn keys_serve_this_account_only(template: &Template) -> Vec<String> {
    let open = statements(template).into_iter().filter(|statement| {
        let conditions = statement.conditions();
        let confined = ["kms:CallerAccount", "kms:EncryptionContext:aws:logs:arn"];
        statement.what == Policy::Key
            && !is_left_to_the_account(statement)
            && !confined.iter().any(|key| conditions.contains_key(key))
    });
    open.map(|statement| format!("{} serves others", statement.named()))
        .collect()
}

fn trust_is_confined(template: &Template) -> Vec<String> {
    let account = json!({"Ref": "AWS::AccountId"});
    let confined = |statement: &Statement<'_>| {
        let principal = &statement.statement["Principal"];
        let conditions = statement.conditions();
        let own_account = conditions
            .get("aws:SourceAccount")
            .is_some_and(|value| **value == account);
        match (principal["Service"].as_str(), &principal["AWS"]) {
            // A cluster cannot be named here, an account can.
            (Some("ecs-tasks.amazonaws.com"), Value::Null) => {
                let source = conditions.get("aws:SourceArn");
                let source = source.and_then(|value| value["Fn::Sub"].as_str());
                own_account
                    && source
                        == Some("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")
            }
            // AWS promises no source here. Where there is one, it must be this account's.
            (Some("cloudformation.amazonaws.com"), Value::Null) => {
                let source = statement.conditions_if_they_exist();
                source.contains_key("aws:SourceArn")
                    && source.get("aws:SourceAccount") == Some(&&account)
            }
            // EC2 names no source; it hands roles to the account's own instances only.
            (Some("ec2.amazonaws.com"), Value::Null) => true,
            // Somebody whom the operator names.
            (None, principal) => principal["Ref"].is_string(),
            (Some(_), _) => false,
        }
    };
    statements(template)
        .into_iter()
        .filter(|statement| statement.what == Policy::Trust && !confined(statement))
        .map(|statement| format!("{} can be taken by others", statement.at))
        .collect()
}

fn pass_role_is_scoped(template: &Template) -> Vec<String> {
    let passing = statements(template).into_iter().filter(|statement| {
        statement.what == Policy::Identity && statement.actions().contains(&"iam:PassRole")
    });
    passing
        .filter(|statement| {
            let named = |resource: &&Value| {
                let get_att = resource["Fn::GetAtt"].is_array();
                let arn = resource["Fn::Sub"].as_str().unwrap_or_default();
                get_att
                    || arn
                        .rsplit_once(":role/")
                        .is_some_and(|(_, name)| !name.starts_with('*'))
            };
            !choices(&statement.statement["Resource"]).iter().all(named)
                || !statement.conditions().contains_key("iam:PassedToService")
                || statement.actions() != ["iam:PassRole"]
        })
        .map(|statement| format!("{} hands on more roles than need be", statement.named()))
        .collect()
}

/// Such a role is of the whole account: a service cannot do without it, nor any other cluster there.
fn roles_of_services_are_only_made(template: &Template) -> Vec<String> {
    let wrong = statements(template).into_iter().filter(|statement| {
        let of_services = |action: &&str| action.contains("ServiceLinkedRole");
        let actions = statement.actions();
        actions.iter().any(of_services)
            && (!actions
                .iter()
                .all(|action| ["iam:CreateServiceLinkedRole", "iam:GetRole"].contains(action))
                || !choices(&statement.statement["Resource"])
                    .iter()
                    .all(|resource| {
                        let arn = resource["Fn::Sub"].as_str().unwrap_or_default();
                        arn.contains(":role/aws-service-role/")
                            && arn.contains("/AWSServiceRoleFor")
                            && !arn.contains('*')
                    }))
    });
    wrong
        .map(|statement| {
            format!(
                "{} does more than make roles of services",
                statement.named()
            )
        })
        .collect()
}

/// Parameters may show examples.
fn partition_is_not_written_down(template: &Template) -> Vec<String> {
    template
        .resources()
        .flat_map(|resource| {
            texts(resource.properties)
                .into_iter()
                .map(move |text| (resource.id, text))
        })
        .filter(|(_, (around, text))| {
            text.match_indices("arn:").any(|(at, _)| {
                *around != Some("Fn::Sub") || !text[at..].starts_with("arn:${AWS::Partition}:")
            })
        })
        .map(|(id, (_, text))| format!("{id} names a partition: {text}"))
        .collect()
}
