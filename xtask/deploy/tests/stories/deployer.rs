//! The role of who deploys, held against what this program asks: each action is allowed, and no other is.
//!
//! Only the names of actions are compared. That those which AWS authorises on no resource are on `*` is a test of the templates;
//! whether the resources of the others are right, only AWS can tell.

use std::collections::BTreeSet;

use clap::Parser as _;
use deploy::templates::Template;
use options::deploy::{Command, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    aws::{Account, Aws},
    changes,
    formation::{Event, Script, Stack, failure},
    program::{run, run_in},
    publishing,
    services::{Services, stopped},
};

const TEMPLATE: &str = "deployer-role.yaml";

/// What no story asks, and why it is allowed.
const NOT_ASKED_HERE: &[(&str, &str)] = &[
    (
        "cloudformation:TagResource",
        "AWS asks whether stacks may be tagged",
    ),
    (
        "cloudformation:UntagResource",
        "the same, where a --tag is left out",
    ),
    (
        "ec2:DescribeAvailabilityZones",
        "CloudFormation, for Fn::GetAZs in the name of who prepares a change",
    ),
    (
        "ssm:GetParameters",
        "CloudFormation, for the image of instances in the name of who prepares a change",
    ),
    ("ecr:BatchCheckLayerAvailability", "docker push"),
    ("ecr:BatchGetImage", "docker push, of a layer that is there"),
    ("ecr:CompleteLayerUpload", "docker push"),
    ("ecr:InitiateLayerUpload", "docker push"),
    ("ecr:PutImage", "docker push"),
    ("ecr:UploadLayerPart", "docker push"),
    (
        "iam:PassRole",
        "AWS asks whether CloudFormation, or the task of e2e, may be handed a role",
    ),
    ("ecs:DescribeClusters", "cargo xtask e2e --target aws"),
    ("ecs:RunTask", "cargo xtask e2e --target aws"),
    ("ecs:StopTask", "cargo xtask e2e --target aws"),
    (
        "ecs:TagResource",
        "cargo xtask e2e --target aws tags the task that it starts",
    ),
];

/// Everybody may ask who they are.
const FREE: &str = "sts:GetCallerIdentity";

/// What the role may do.
pub(crate) fn allowed() -> BTreeSet<String> {
    let template = Template::read(TEMPLATE).unwrap();
    let statements = statements(&template);
    let actions = statements.iter().flat_map(|it| items(&it["Action"]));
    actions
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

fn statements(template: &Template) -> Vec<&Value> {
    let role = template.resources().find(|it| it.id == "DeployerRole");
    let policies = items(&role.unwrap().properties["Policies"]);
    policies
        .into_iter()
        .flat_map(|policy| items(&policy["PolicyDocument"]["Statement"]))
        .collect()
}

/// Fails where something was asked that the role does not allow.
pub(crate) fn assert_allowed(aws: &Aws) {
    let mut asked = aws.actions();
    asked.remove(FREE);
    let refused: Vec<_> = asked.difference(&allowed()).cloned().collect();
    assert!(
        refused.is_empty(),
        "the deployer's role does not allow {refused:?}"
    );
}

#[tokio::test]
async fn each_permission_is_used_or_has_its_reason() {
    let mut asked = BTreeSet::new();
    let yes = ["deploy", "--yes", "--image", "demo-node:latest"];

    // An account that has never used ECS, in which tasks run in the end.
    let services = Services {
        roles_unknown: (u32::MAX, 0),
        tasks: vec![
            json!({"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/orders/1", "lastStatus": "RUNNING"}),
        ],
        ..Services::default()
    };
    let aws = Aws::start(Account {
        services,
        ..Account::default()
    })
    .await;
    for arguments in [&yes[..], &["status"]] {
        run(&aws, arguments).await;
    }
    asked.append(&mut aws.actions());

    // One that is left.
    let family =
        "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders-service-TaskDefinition-1";
    let definition = Event::new("It", "AWS::ECS::TaskDefinition", "CREATE_COMPLETE");
    let stack = Stack::new("orders-service", "CREATE_COMPLETE");
    let services = Services {
        definitions: vec![format!("{family}:1")],
        ..Services::default()
    };
    let account = Account {
        services,
        ..Account::default()
    };
    let stack = stack.after(definition.named(&format!("{family}:1")));
    let aws = Aws::start(account.with(stack)).await;
    run(&aws, &["destroy", "--yes"]).await;
    asked.append(&mut aws.actions());

    // One in which the service fails.
    let event = |resource: &str, kind, status| Event::new(resource, kind, status).named(resource);
    let events = vec![
        event("Cluster", "AWS::ECS::Cluster", "CREATE_COMPLETE"),
        event("LogGroup", "AWS::Logs::LogGroup", "CREATE_COMPLETE"),
        event("Service", "AWS::ECS::Service", "CREATE_FAILED").because("it does not start"),
    ];
    let services = Services {
        tasks: vec![stopped("1a", "it has ended", &json!({"name": "demo-node"}))],
        ..Services::default()
    };
    let account = Account {
        services,
        ..Account::default()
    };
    let failing = account.creating("orders-service", failure("orders-service", events));
    let aws = Aws::start(failing).await;
    run(&aws, &yes).await;
    asked.append(&mut aws.actions());

    // One with a change that was not taken back, and with instances.
    let stack = Stack::new("orders-service", "UPDATE_ROLLBACK_FAILED");
    let changed = Script::from([("UPDATE_COMPLETE", Vec::new())]);
    let account = Account::default().with(stack);
    let aws = Aws::start(account.changing("orders-service", changed)).await;
    run(&aws, &yes).await;
    asked.append(&mut aws.actions());
    let group = Stack::new("orders-instances", "CREATE_COMPLETE")
        .with_output("AutoScalingGroupName", "orders-instances-Group-1");
    let aws = Aws::start(Account::default().with(group)).await;
    run(&aws, &["status"]).await;
    asked.append(&mut aws.actions());
    let aws = Aws::start(changes::group_set_to(7)).await;
    run(&aws, &changes::INSTANCES).await;
    asked.append(&mut aws.actions());

    // One with an image.
    let source = TempDir::new().unwrap();
    let tag = publishing::committed(source.path());
    let services = Services {
        tags: vec![tag],
        ..Services::default()
    };
    let aws = Aws::start(publishing::account(services)).await;
    run_in(source.path(), &aws, &["deploy", "--check"]).await;
    run_in(source.path(), &aws, &["deploy", "--yes"]).await;
    asked.append(&mut aws.actions());

    // The login is asked for only where there is something to push.
    let aws = Aws::start(publishing::account(Services::default())).await;
    run_in(source.path(), &aws, &["deploy", "--yes"]).await;
    asked.append(&mut aws.actions());

    assert!(asked.remove(FREE));
    let mut expected = allowed();
    for (action, reason) in NOT_ASKED_HERE {
        assert!(
            expected.remove(*action),
            "{action} is not allowed: {reason}"
        );
    }
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn what_is_allowed_with_the_service_role_only_is_asked_with_it() {
    let role = "arn:aws:iam::123456789012:role/deployer-ServiceRole";
    let template = Template::read(TEMPLATE).unwrap();
    let statements = statements(&template);
    let bound = statements.iter().filter(|it| {
        it["Condition"]["StringEquals"]
            .get("cloudformation:RoleArn")
            .is_some()
    });
    let bound: Vec<_> = bound.flat_map(|it| items(&it["Action"])).collect();
    assert!(!bound.is_empty());

    // It is created, changed after a change that was not taken back, and deleted; and one is only shown.
    let changed = Script::from([("UPDATE_COMPLETE", Vec::new())]);
    let stack = Stack::new("orders-service", "UPDATE_ROLLBACK_FAILED");
    let account = Account::default().with(stack);
    let aws = Aws::start(account.changing("orders-service", changed)).await;
    let deploy = ["deploy", "--image", "demo-node:latest", "--role-arn", role];
    run(&aws, &[&deploy[..], &["--yes"]].concat()).await;
    run(&aws, &["destroy", "--yes"]).await;
    run(&aws, &deploy).await;

    for action in bound {
        let asked = aws.asked(action.as_str().unwrap());
        assert!(!asked.is_empty(), "nobody asks for {action}");
        for question in asked {
            assert_eq!(
                question.get("RoleARN").map(String::as_str),
                Some(role),
                "{action}"
            );
        }
    }
}

#[test]
fn what_the_program_makes_is_what_the_role_is_for() {
    let template = Template::read(TEMPLATE).unwrap();
    let parameters: Vec<_> = template.section("Parameters").collect();
    let (_, prefix) = parameters
        .iter()
        .find(|(name, _)| *name == "StackPrefix")
        .unwrap();
    let prefix = prefix["Default"].as_str().unwrap();
    let Command::Status(status) = Options::parse_from(["deploy", "status"]).command else {
        panic!("another command");
    };

    for stack in status.place.stacks() {
        assert!(stack.starts_with(&format!("{prefix}-")), "{stack}");
    }
    // The repository is called after its stack.
    let resources = texts(template.document());
    let repositories = resources.iter().filter(|it| it.contains(":repository/"));
    let mut count = 0;
    for repository in repositories {
        assert!(
            repository.ends_with(":repository/${StackPrefix}-*"),
            "{repository}"
        );
        count += 1;
    }
    assert_eq!(count, 3);
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
