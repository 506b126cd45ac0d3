//! Stories of an account in which nobody has used ECS or Auto Scaling before.

use crate::{
    aws::{Account, Aws},
    formation::{Event, failure},
    program::run,
    services::Services,
};

const TOO_NEW: &str = "Resource handler returned message: \"Invalid request provided: CreateCluster Invalid Request: Unable to \
                       assume the service linked role. Please verify that the ECS service linked role exists.\"";

#[tokio::test]
async fn the_role_of_ecs_is_made_first_and_the_stack_tried_once_more() {
    let cluster = Event::new("Cluster", "AWS::ECS::Cluster", "CREATE_FAILED").because(TOO_NEW);
    let account = fresh().creating("orders-service", failure("orders-service", vec![cluster]));
    let aws = Aws::start(account).await;

    let said = run(&aws, &["deploy", "--yes", "--image", "demo-node:latest"]).await;

    said.is(
        0,
        &format!(
            "\
in eu-west-1:
  orders-service           is created
      adds 2 resources
  AWSServiceRoleForECS     is created once for the account, and stays

==> orders-service
    created AWSServiceRoleForECS: it stays in the account
    CREATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    CREATE_FAILED        Cluster                  AWS::ECS::Cluster {TOO_NEW}
    CREATE_FAILED        orders-service           AWS::CloudFormation::Stack
    AWSServiceRoleForECS is not known everywhere in AWS yet: trying again
    it is CREATE_FAILED: deleting it, to create it again
    DELETE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack
    DELETE_COMPLETE      orders-service           AWS::CloudFormation::Stack
    CREATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    CREATE_COMPLETE      Cluster                  AWS::ECS::Cluster
    CREATE_COMPLETE      Service                  AWS::ECS::Service
    CREATE_COMPLETE      orders-service           AWS::CloudFormation::Stack

stack    orders-service           CREATE_COMPLETE
service  orders                   0 of 3 tasks run

next: cargo xtask status --name orders --region eu-west-1 --endpoint-url URL
to remove everything: cargo xtask destroy --name orders --region eu-west-1 --endpoint-url URL"
        ),
    );
    assert_eq!(
        aws.calls(),
        [
            "CreateServiceLinkedRole ecs.amazonaws.com",
            "ExecuteChangeSet orders-service CREATE left where it fails",
            "DeleteStack orders-service",
            "ExecuteChangeSet orders-service CREATE left where it fails",
        ]
    );
}

#[tokio::test]
async fn once_more_is_not_for_ever() {
    let mut account = fresh();
    for _ in 0..3 {
        let cluster = Event::new("Cluster", "AWS::ECS::Cluster", "CREATE_FAILED").because(TOO_NEW);
        account = account.creating("orders-service", failure("orders-service", vec![cluster]));
    }
    let aws = Aws::start(account).await;

    let said = run(&aws, &["deploy", "--yes", "--image", "demo-node:latest"]).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    said.ends_with_reason("ECS could not use its own role in this account yet");
    let creations = aws
        .calls()
        .iter()
        .filter(|call| call.starts_with("ExecuteChangeSet"))
        .count();
    assert_eq!(creations, 2);
}

#[tokio::test]
async fn for_instances_it_is_the_role_of_auto_scaling() {
    let aws = Aws::start(fresh()).await;
    let sum = "0".repeat(64);
    let program = [
        "--workload",
        "ec2",
        "--program",
        "s3://bucket/demo-node",
        "--program-sha256",
        &sum,
    ];

    let said = run(&aws, &[&["deploy", "--yes"], &program[..]].concat()).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(
        aws.calls(),
        [
            "CreateServiceLinkedRole autoscaling.amazonaws.com",
            "ExecuteChangeSet orders-instances CREATE left where it fails",
        ]
    );
}

#[tokio::test]
async fn a_role_is_never_deleted() {
    let stack = crate::formation::Stack::new("orders-service", "CREATE_COMPLETE");
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &["destroy", "--yes"]).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(aws.calls(), ["DeleteStack orders-service"]);
}

/// IAM knows its roles a while after they are made.
fn fresh() -> Account {
    Account {
        services: Services {
            roles_unknown: (u32::MAX, 2),
            ..Services::default()
        },
        ..Account::default()
    }
}
