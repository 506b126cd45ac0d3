//! Stories of parameters that are given by name.

use crate::{
    aws::{Account, Aws},
    formation::{Event, Script, Stack, of_stack},
    program::run,
};

const DEPLOY: [&str; 4] = ["deploy", "--yes", "--image", "demo-node:latest"];

#[tokio::test]
async fn a_parameter_is_handed_over_and_told_where_it_goes_back_to_its_default() {
    let aws = Aws::start(Account::default()).await;
    let watched = [
        "--parameter",
        "Monitoring=ENABLED",
        "--parameter",
        "BakeMinutes=5",
    ];

    let said = run(&aws, &[&DEPLOY[..], &watched].concat()).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(aws.parameter("Monitoring").as_deref(), Some("ENABLED"));
    assert_eq!(aws.parameter("BakeMinutes").as_deref(), Some("5"));

    let there =
        Stack::new("orders-service", "CREATE_COMPLETE").with_parameter("Monitoring", "ENABLED");
    let changed = Script::from([
        (
            "UPDATE_IN_PROGRESS",
            vec![Event::new(
                "Service",
                "AWS::ECS::Service",
                "UPDATE_COMPLETE",
            )],
        ),
        (
            "UPDATE_COMPLETE",
            vec![of_stack("orders-service", "UPDATE_COMPLETE")],
        ),
    ]);
    let aws = Aws::start(
        Account::default()
            .with(there)
            .changing("orders-service", changed),
    )
    .await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    let told = "Monitoring ENABLED -> \"DISABLED\", the default";
    assert!(said.text.contains(told), "{}", said.text);
}

#[tokio::test]
async fn one_that_there_is_not_is_refused_before_anything_is_asked() {
    let aws = Aws::start(Account::default()).await;

    let said = run(
        &aws,
        &[&DEPLOY[..], &["--parameter", "Monitorin=ENABLED"]].concat(),
    )
    .await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    said.ends_with_reason(
        "ecs-service.yaml has no such parameter; it has AlarmTopicArn, BakeMinutes",
    );
    assert!(aws.actions().is_empty(), "{:?}", aws.actions());
}
