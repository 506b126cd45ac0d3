//! Stories of what is there when `deploy` comes.

use crate::{
    aws::{Account, Aws},
    formation::{Event, Script, Stack, of_stack},
    program::run,
    services::Services,
};

const DEPLOY: [&str; 4] = ["deploy", "--yes", "--image", "demo-node:latest"];

#[tokio::test]
async fn an_account_that_is_empty_gets_the_stack() {
    let aws = Aws::start(Account::default()).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        0,
        &deployed(
            "is created
      adds 2 resources",
            "    CREATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    CREATE_COMPLETE      Cluster                  AWS::ECS::Cluster
    CREATE_COMPLETE      Service                  AWS::ECS::Service
    CREATE_COMPLETE      orders-service           AWS::CloudFormation::Stack",
            "CREATE_COMPLETE",
        ),
    );
}

#[tokio::test]
async fn a_second_deploy_waits_for_the_first_one() {
    let going_on = Script::from([
        ("CREATE_IN_PROGRESS", Vec::new()),
        ("CREATE_IN_PROGRESS", Vec::new()),
        (
            "CREATE_IN_PROGRESS",
            vec![Event::new(
                "Service",
                "AWS::ECS::Service",
                "CREATE_COMPLETE",
            )],
        ),
        ("CREATE_COMPLETE", Vec::new()),
    ]);
    let stack = Stack::new("orders-service", "CREATE_IN_PROGRESS")
        .with_output("ClusterName", "orders-service-Cluster-1");
    let aws = Aws::start(Account::default().with(stack.going_on(going_on))).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        0,
        &deployed(
            "is CREATE_IN_PROGRESS: the deployment waits until that has ended, and then looks again",
            "    it is CREATE_IN_PROGRESS: waiting until that has ended
    CREATE_COMPLETE      Service                  AWS::ECS::Service
    nothing to change",
            "CREATE_COMPLETE",
        ),
    );
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn too_many_questions_are_no_failure() {
    // The SDK asks three times by itself.
    let account = Account {
        throttled: vec![true; 4].into_iter(),
        ..Account::default()
    };
    let aws = Aws::start(account).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert!(
        said.text.contains("CREATE_COMPLETE      Service"),
        "{}",
        said.text
    );
    assert_eq!(
        aws.calls(),
        ["ExecuteChangeSet orders-service CREATE left where it fails"]
    );
}

#[tokio::test]
async fn an_answer_that_is_older_than_the_change_is_not_its_end() {
    // It is changed, and comes to the state in which it was.
    let changed = Script::from([
        ("UPDATE_IN_PROGRESS", Vec::new()),
        (
            "UPDATE_COMPLETE",
            vec![
                Event::new("Service", "AWS::ECS::Service", "UPDATE_COMPLETE"),
                of_stack("orders-service", "UPDATE_COMPLETE"),
            ],
        ),
    ]);
    let stack = Stack::new("orders-service", "UPDATE_COMPLETE")
        .with_output("ClusterName", "orders-service-Cluster-1");
    let mut account = Account::default()
        .with(stack)
        .changing("orders-service", changed);
    account.stale = 3;
    let aws = Aws::start(account).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert!(
        said.text.contains("UPDATE_COMPLETE      Service"),
        "{}",
        said.text
    );
}

#[tokio::test]
async fn an_old_answer_after_a_new_one_is_not_the_end_either() {
    let changed = Script::from([
        ("UPDATE_IN_PROGRESS", Vec::new()),
        ("UPDATE_COMPLETE", Vec::new()),
        ("UPDATE_IN_PROGRESS", Vec::new()),
        (
            "UPDATE_COMPLETE",
            vec![
                Event::new("Service", "AWS::ECS::Service", "UPDATE_COMPLETE"),
                of_stack("orders-service", "UPDATE_COMPLETE"),
            ],
        ),
    ]);
    let account = Account::default()
        .with(Stack::new("orders-service", "UPDATE_COMPLETE"))
        .changing("orders-service", changed);
    let aws = Aws::start(account).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    let end = "UPDATE_COMPLETE      Service";
    assert!(said.text.contains(end), "{}", said.text);
}

#[tokio::test]
async fn a_stack_that_is_not_known_at_once_is_waited_for() {
    let aws = Aws::start(Account {
        stale: 3,
        ..Account::default()
    })
    .await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert!(
        said.text.contains("CREATE_COMPLETE      Service"),
        "{}",
        said.text
    );
}

#[tokio::test]
async fn a_change_that_never_begins_is_an_error_and_not_a_success() {
    let changed = Script::from([("UPDATE_COMPLETE", Vec::new())]);
    let stack = Stack::new("orders-service", "UPDATE_COMPLETE");
    let mut account = Account::default()
        .with(stack)
        .changing("orders-service", changed);
    account.stale = u32::MAX;
    let aws = Aws::start(account).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    assert!(
        said.text.contains("does not show its effect yet"),
        "{}",
        said.text
    );
}

#[tokio::test]
async fn a_deletion_is_over_when_the_stack_is_gone_and_not_before() {
    let stack = Stack::new("orders-service", "CREATE_COMPLETE");
    let mut account = Account::default().with(stack);
    account.stale = 3;
    let aws = Aws::start(account).await;

    let said = run(&aws, &["destroy", "--yes"]).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert!(said.text.contains("DELETE_COMPLETE"), "{}", said.text);
}

#[tokio::test]
async fn what_an_earlier_failure_has_left_is_cleared_away() {
    let stack = Stack::new("orders-service", "ROLLBACK_COMPLETE");
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        0,
        &deployed(
            "is ROLLBACK_COMPLETE: it is deleted, and created again",
            "    it is ROLLBACK_COMPLETE: deleting it, to create it again
    DELETE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack
    DELETE_COMPLETE      orders-service           AWS::CloudFormation::Stack
    CREATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    CREATE_COMPLETE      Cluster                  AWS::ECS::Cluster
    CREATE_COMPLETE      Service                  AWS::ECS::Service
    CREATE_COMPLETE      orders-service           AWS::CloudFormation::Stack",
            "CREATE_COMPLETE",
        ),
    );
    assert_eq!(
        aws.calls(),
        [
            "DeleteStack orders-service",
            "ExecuteChangeSet orders-service CREATE left where it fails"
        ]
    );
}

#[tokio::test]
async fn a_stack_of_somebody_else_is_left_alone() {
    let stack = Stack::new("orders-service", "CREATE_COMPLETE").of_somebody_else();
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        1,
        "\
in eu-west-1:
  orders-service           does not belong to this program

error: the stack orders-service was not made by this program; choose another name",
    );
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_change_that_could_not_be_taken_back_is_taken_back_first() {
    let stack = Stack::new("orders-service", "UPDATE_ROLLBACK_FAILED")
        .with_output("ClusterName", "orders-service-Cluster-1");
    let changed = Script::from([
        ("UPDATE_IN_PROGRESS", Vec::new()),
        (
            "UPDATE_COMPLETE",
            vec![Event::new(
                "Service",
                "AWS::ECS::Service",
                "UPDATE_COMPLETE",
            )],
        ),
    ]);
    let account = Account::default()
        .with(stack)
        .changing("orders-service", changed);
    let aws = Aws::start(account).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        0,
        &deployed(
            "is UPDATE_ROLLBACK_FAILED: the failed change is rolled back, and then the deployment looks again",
            "    it is UPDATE_ROLLBACK_FAILED: rolling back the failed change
    UPDATE_ROLLBACK_COMPLETE orders-service           AWS::CloudFormation::Stack
      changes     Service (AWS::ECS::Service): DesiredCount
    UPDATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    UPDATE_COMPLETE      Service                  AWS::ECS::Service",
            "UPDATE_COMPLETE",
        ),
    );
    assert_eq!(
        aws.calls(),
        [
            "ContinueUpdateRollback orders-service",
            "ExecuteChangeSet orders-service UPDATE taken back where it fails"
        ]
    );
}

#[tokio::test]
async fn task_definitions_that_a_stack_leaves_are_deleted() {
    let arn = |family: &str, revision: u8| {
        format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:{revision}")
    };
    let family = "orders-service-TaskDefinition-1";
    let definition = Event::new(
        "TaskDefinition",
        "AWS::ECS::TaskDefinition",
        "CREATE_COMPLETE",
    );
    let stack = Stack::new("orders-service", "CREATE_COMPLETE");
    let stack = stack.after(definition.named(&arn(family, 12)));
    // A family's name may be the beginning of another one's.
    let others = arn(&format!("{family}2"), 1);
    let mut definitions: Vec<_> = (1..=12).map(|revision| arn(family, revision)).collect();
    definitions.push(others.clone());
    let services = Services {
        definitions,
        ..Services::default()
    };
    let account = Account {
        services,
        ..Account::default()
    };
    let aws = Aws::start(account.with(stack)).await;

    let said = run(&aws, &["destroy", "--yes"]).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    let told = "    its remaining task definitions are deleted: 12";
    assert!(said.text.contains(told), "{}", said.text);
    assert_eq!(aws.definitions(), [others]);
}

#[tokio::test]
async fn those_of_a_change_that_still_went_on_are_deleted_too() {
    let arn =
        "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders-service-TaskDefinition-2:1";
    let made = Event::new("Definition", "AWS::ECS::TaskDefinition", "CREATE_COMPLETE");
    let going_on = Script::from([
        ("UPDATE_IN_PROGRESS", Vec::new()),
        ("UPDATE_IN_PROGRESS", vec![made.named(arn)]),
        ("UPDATE_COMPLETE", Vec::new()),
    ]);
    let services = Services {
        definitions: vec![arn.to_owned()],
        ..Services::default()
    };
    let account = Account {
        services,
        ..Account::default()
    };
    let stack = Stack::new("orders-service", "UPDATE_IN_PROGRESS").going_on(going_on);
    let aws = Aws::start(account.with(stack)).await;

    let said = run(&aws, &["destroy", "--yes"]).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(aws.definitions(), [""; 0]);
}

#[tokio::test]
async fn a_deletion_waits_for_a_change_that_goes_on() {
    let going_on = Script::from([
        ("UPDATE_IN_PROGRESS", Vec::new()),
        ("UPDATE_IN_PROGRESS", Vec::new()),
        ("UPDATE_COMPLETE", Vec::new()),
    ]);
    let stack = Stack::new("orders-service", "UPDATE_IN_PROGRESS").going_on(going_on);
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &["destroy", "--yes"]).await;

    said.is(
        0,
        "\
to be deleted in eu-west-1:
  orders-service

==> orders-service
    it is UPDATE_IN_PROGRESS: waiting until that has ended
    DELETE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack
    DELETE_COMPLETE      orders-service           AWS::CloudFormation::Stack

everything is deleted",
    );
    assert_eq!(aws.calls(), ["DeleteStack orders-service"]);
}

/// What a deployment prints that succeeds: what is planned, what happens, and how the stack is then.
fn deployed(planned: &str, happens: &str, status: &str) -> String {
    format!(
        "\
in eu-west-1:
  orders-service           {planned}

==> orders-service
{happens}

stack    orders-service           {status}
service  orders                   0 of 3 tasks run

next: cargo xtask status --name orders --region eu-west-1 --endpoint-url URL
to remove everything: cargo xtask destroy --name orders --region eu-west-1 --endpoint-url URL"
    )
}
