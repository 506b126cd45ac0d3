//! Stories of a look before the first deployment.

use crate::{
    aws::{Account, Aws},
    formation::Stack,
    program::run,
    services::Services,
};

const CHECK: [&str; 4] = ["deploy", "--check", "--image", "demo-node:latest"];

#[tokio::test]
async fn what_a_deployment_needs_is_looked_at_and_nothing_is_created() {
    let services = Services {
        roles_unknown: (u32::MAX, 0),
        ..Services::default()
    };
    let account = Account {
        services,
        ..Account::default()
    };
    let aws = Aws::start(account.with(Stack::new("orders-service", "CREATE_COMPLETE"))).await;

    let said = run(&aws, &CHECK).await;

    said.is(
        0,
        "\
ok       account  123456789012 in eu-west-1, as arn:aws:iam::123456789012:user/me
warning  image    demo-node:latest is not on this machine, so it cannot be checked
                  make sure that it is for X86_64, like the tasks
ok       network  the default VPC vpc-1 has subnets in eu-west-1a, eu-west-1b
ok       role     AWSServiceRoleForECS does not exist: it is created before the stack
ok       quota    the quota of Fargate is 6 virtual CPUs here; these nodes need 0.75, and 1.5 while they are replaced
ok       stack    orders-service is CREATE_COMPLETE
ok       cost     about $0.05 an hour, $38 a month, by the prices of us-east-1 as of March 2026; plus logs, the secret and traffic
nothing was created",
    );
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn credentials_that_have_expired_are_told_once_with_what_to_do() {
    let services = Services {
        is_logged_out: true,
        ..Services::default()
    };
    let aws = Aws::start(Account {
        services,
        ..Account::default()
    })
    .await;

    let said = run(&aws, &CHECK).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    assert_eq!(said.text.matches("failure ").count(), 1, "{}", said.text);
    assert!(said.text.contains("ExpiredToken"), "{}", said.text);
    assert!(said.text.contains("aws sso login"), "{}", said.text);
}

#[tokio::test]
async fn a_stack_of_somebody_else_is_a_failure() {
    let stack = Stack::new("orders-service", "CREATE_COMPLETE").of_somebody_else();
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &CHECK).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let finding = "failure  stack    the stack orders-service was not made by this program";
    assert!(said.text.contains(finding), "{}", said.text);
    assert!(
        said.text
            .contains("error: 1 of these would stop a deployment"),
        "{}",
        said.text
    );
}

#[tokio::test]
async fn a_stack_that_an_earlier_failure_has_left_is_no_good_news() {
    let stack = Stack::new("orders-service", "ROLLBACK_COMPLETE");
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &CHECK).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    let finding = "\
warning  stack    orders-service is ROLLBACK_COMPLETE
                  a deployment deletes it with all its resources, and creates it again";
    assert!(said.text.contains(finding), "{}", said.text);
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn tasks_where_there_are_instances_of_the_name_are_a_failure() {
    let stack = Stack::new("orders-instances", "CREATE_COMPLETE");
    let aws = Aws::start(Account::default().with(stack)).await;

    let said = run(&aws, &CHECK).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let finding = "failure  stack    orders-instances is CREATE_COMPLETE: nodes of another kind use this name";
    assert!(said.text.contains(finding), "{}", said.text);
    assert!(said.text.contains("choose another --name"), "{}", said.text);
}
