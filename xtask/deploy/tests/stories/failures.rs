//! Stories of deployments that fail, and say why.

use serde_json::json;

use crate::{
    aws::{Account, Aws},
    formation::{Event, Script, Stack, failure},
    program::run,
    services::{Services, stopped},
};

const DEPLOY: [&str; 4] = ["deploy", "--yes", "--image", "demo-node:latest"];

const BREAKER: &str = "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit \
                       Breaker was triggered'.\" (HandlerErrorCode: GeneralServiceException)";

#[tokio::test]
async fn an_image_that_exits_at_once_is_told_with_its_last_words() {
    let container = json!({"name": "demo-node", "exitCode": 2});
    let log = vec![
        r#"{"level":"INFO","message":"starting","version":"0.1.0"}"#.to_owned(),
        "error: DEMO_NODE_MEMBERSHIP_KEYS: expected at least 16 characters".to_owned(),
    ];
    let services = Services {
        events: vec![
            "(service orders) deployment ecs-svc/1 deployment failed: tasks failed to start."
                .to_owned(),
        ],
        tasks: ["1a", "2b"]
            .map(|id| stopped(id, "Essential container in task exited", &container))
            .into(),
        logs: [("orders/demo-node/1a".to_owned(), log)].into(),
        ..Services::default()
    };
    let aws = Aws::start(account(services)).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        1,
        &failed(
            "\
what ECS says of the service:
    (service orders) deployment ecs-svc/1 deployment failed: tasks failed to start.
its nodes:
    2 times: task stopped: Essential container in task exited; health UNKNOWN; demo-node: exit code 2
the end of a log:
    INFO starting version=0.1.0
    error: DEMO_NODE_MEMBERSHIP_KEYS: expected at least 16 characters
the most likely cause: the program ends soon after its start
what to do: see the last lines of its log, and try the image here: docker run --rm IMAGE run",
        ),
    );
    said.ends_with_reason("expected at least 16 characters");
    // All of it is still there to be looked at.
    assert_eq!(
        aws.calls(),
        ["ExecuteChangeSet orders-service CREATE left where it fails"]
    );
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_told_with_who_may_not() {
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
                  unable to retrieve secret from asm: AccessDeniedException: User: \
                  arn:aws:sts::123456789012:assumed-role/orders-service-ExecutionRole/1 is not authorized to perform: \
                  secretsmanager:GetSecretValue";
    let container = json!({"name": "demo-node"});
    let services = Services {
        events: vec!["(service orders) was unable to place a task.".to_owned()],
        tasks: vec![stopped("1a", reason, &container)],
        ..Services::default()
    };
    let aws = Aws::start(account(services)).await;

    let said = run(&aws, &DEPLOY).await;

    said.is(
        1,
        &failed(&format!(
            "\
what ECS says of the service:
    (service orders) was unable to place a task.
its nodes:
    task stopped: {reason}; health UNKNOWN; demo-node: no exit code
the most likely cause: the secret with the gossip key cannot be read: the tasks' execution role lacks the permission
what to do: check that no permissions boundary or organisation policy forbids secretsmanager:GetSecretValue, or kms:Decrypt if the key is your own"
        )),
    );
    said.ends_with_reason("is not authorized to perform: secretsmanager:GetSecretValue");
}

#[tokio::test]
async fn the_reasons_of_a_failure_are_had_though_aws_was_asked_too_often() {
    // One look at the events precedes what happens, and three follow it; the one that asks for the reasons is refused, by the SDK's count
    // more than once.
    let throttled = [vec![false; 4], vec![true; 5]].concat().into_iter();
    let account = Account {
        throttled,
        ..account(Services::default())
    };
    let aws = Aws::start(account).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    said.ends_with_reason("what failed first: Service (AWS::ECS::Service)");
    assert_eq!(aws.throttled_left(), 0);
}

#[tokio::test]
async fn status_says_of_a_stack_that_was_never_complete_what_it_is_and_why() {
    let aws = Aws::start(account(Services::default())).await;
    run(&aws, &DEPLOY).await;

    let said = run(&aws, &["status"]).await;

    said.is(
        0,
        &format!(
            "\
stack    orders-service           CREATE_FAILED
orders-service: Service: {BREAKER}
orders-service: the next `cargo xtask deploy` deletes it, and creates it again
the cluster orders in eu-west-1 is not complete: see its stacks above"
        ),
    );
}

#[tokio::test]
async fn status_says_of_a_stack_that_is_being_created_that_there_is_no_cluster_yet() {
    let stack = Stack::new("orders-service", "CREATE_IN_PROGRESS");
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &["status"]).await;

    said.is(
        0,
        "\
stack    orders-service           CREATE_IN_PROGRESS
the cluster orders in eu-west-1 is not complete: see its stacks above",
    );
}

#[tokio::test]
async fn a_failure_is_removed_where_that_is_asked_for() {
    let aws = Aws::start(account(Services::default())).await;

    let said = run(&aws, &[&DEPLOY[..], &["--rollback"]].concat()).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    said.ends_with_reason("ECS Deployment Circuit Breaker was triggered");
    assert!(
        said.text.contains("==> orders-service is deleted again"),
        "{}",
        said.text
    );
    assert_eq!(
        aws.calls(),
        [
            "ExecuteChangeSet orders-service CREATE left where it fails",
            "DeleteStack orders-service"
        ]
    );
}

#[tokio::test]
async fn an_attempt_of_another_run_that_fails_is_told_here_too() {
    let stack = Stack::new("orders-service", "CREATE_IN_PROGRESS").going_on(service_fails());
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    assert!(
        said.text.contains("waiting until that has ended"),
        "{}",
        said.text
    );
    said.ends_with_reason("ECS Deployment Circuit Breaker was triggered");
    // Whoever began it still looks at it.
    assert_eq!(aws.calls(), [""; 0]);
}

/// One in which the service fails.
fn account(services: Services) -> Account {
    let account = Account {
        services,
        ..Account::default()
    };
    account.creating("orders-service", service_fails())
}

fn service_fails() -> Script {
    let cluster = Event::new("Cluster", "AWS::ECS::Cluster", "CREATE_COMPLETE");
    let log = Event::new("LogGroup", "AWS::Logs::LogGroup", "CREATE_COMPLETE");
    let service = Event::new("Service", "AWS::ECS::Service", "CREATE_FAILED");
    let arn = "arn:aws:ecs:eu-west-1:123456789012:service/orders-service-Cluster-1/orders";
    failure(
        "orders-service",
        vec![
            cluster.named("orders-service-Cluster-1"),
            log.named("orders-service-LogGroup-1"),
            service.named(arn).because(BREAKER),
        ],
    )
}

/// What a deployment prints that fails so, with this between the first failure and how things stand.
fn failed(why: &str) -> String {
    format!(
        "\
in eu-west-1:
  orders-service           is created
      adds 2 resources

==> orders-service
    CREATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    CREATE_COMPLETE      Cluster                  AWS::ECS::Cluster
    CREATE_COMPLETE      LogGroup                 AWS::Logs::LogGroup
    CREATE_FAILED        Service                  AWS::ECS::Service {BREAKER}
    CREATE_FAILED        orders-service           AWS::CloudFormation::Stack

what failed first: Service (AWS::ECS::Service)
    {BREAKER}
{why}
orders-service stays as it is, so that you can look at it; the same command deletes it and begins again
to remove everything: cargo xtask destroy --name orders --region eu-west-1 --endpoint-url URL

error: the stack orders-service ended as CREATE_FAILED: Service: {BREAKER}"
    )
}
