//! `aws-api-ecs-task-set`: peers of the own task set or deployment, and only they.

use std::{net::Ipv4Addr, time::Duration};

use discovery::{
    Completeness, Discovery, Error, ExpectedNodes, Remedy, WhyUnknown,
    config::{EcsTaskSet, Settings, Surroundings},
};
use region::{Action, Fault, Region, Task, TaskArn};

use crate::support::{addresses, ask, calls, client, logged, look, surroundings, task_set};

#[tokio::test]
async fn two_task_sets_of_one_service_do_not_see_each_other() {
    let region = Region::start().await;
    let (blue, green) = region.edit(|account| {
        account.put_service("demo", "orders", 2);
        let blue = account.put_task_set("demo", "orders");
        let green = account.put_task_set("demo", "orders");
        let blue = account.run_task(order(1).started_by(&blue));
        let green = account.run_task(order(2).started_by(&green));
        (blue, green)
    });
    for (own, expected) in [(&blue, "10.0.1.1"), (&green, "10.0.1.2")] {
        let resolved = look(&task_set(&region, own).await, "orders").await;
        assert_eq!(addresses(&resolved), [expected]);
        assert_eq!(resolved.completeness, Completeness::Complete);
    }
}

#[tokio::test]
async fn the_chosen_container_tells_the_address_here_too() {
    let region = Region::start().await;
    let own = region.edit(|account| {
        account.put_service("demo", "orders", 1);
        let two = order(1).container_at("proxy", Ipv4Addr::new(10, 0, 1, 9));
        account.run_task(two)
    });
    let mut ecs = EcsTaskSet::in_cluster("demo");
    ecs.client = client(&region);
    ecs.container_name = Some("proxy".to_owned());
    let surroundings = surroundings(&region.task_environment(&own));
    let discovery = Discovery::in_surroundings(Settings::EcsTaskSet(ecs), &surroundings).await;
    let resolved = look(&discovery.unwrap(), "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.9"]);
}

#[tokio::test]
async fn under_a_rolling_deployment_new_tasks_do_not_see_old_ones() {
    let region = Region::start().await;
    let new = region.edit(|account| {
        account.put_service("demo", "orders", 2);
        account.run_task(order(1));
        account.deploy("demo", "orders");
        account.run_task(order(2));
        account.run_task(order(3))
    });
    let resolved = look(&task_set(&region, &new).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.2", "10.0.1.3"]);
}

#[tokio::test]
async fn that_rolling_deployments_split_is_said_at_the_start() {
    let region = Region::start().await;
    let own = one(&region);
    let (_, log) = logged(task_set(&region, &own)).await;
    assert!(
        log.contains("WARN") && log.contains("under a rolling deployment"),
        "{log}"
    );
}

#[tokio::test]
async fn what_the_own_task_was_started_by_is_asked_once() {
    let region = Region::start().await;
    let own = one(&region);
    let discovery = task_set(&region, &own).await;
    let first = look(&discovery, "orders").await;
    assert_eq!(calls(&first), [("DescribeTasks", 2), ("ListTasks", 1)]);
    let second = look(&discovery, "orders").await;
    assert_eq!(calls(&second), [("ListTasks", 1)]);
    assert_eq!(first.targets, second.targets);
    assert_eq!(region.calls().count(Action::TaskMetadata), 1);
}

#[tokio::test]
async fn the_starter_goes_alone_into_the_listing() {
    let region = Region::start().await;
    let own = one(&region);
    look(&task_set(&region, &own).await, "orders").await;
    let calls = region.calls();
    let call = calls.of(Action::ListTasks).next().unwrap();
    let parameters = call.parameters.as_object().unwrap();
    let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    assert_eq!(names, ["cluster", "maxResults", "startedBy"]);
}

#[tokio::test]
async fn version_3_of_the_metadata_will_do() {
    let region = Region::start().await;
    let own = one(&region);
    let mut environment = region.task_environment(&own);
    environment.remove("ECS_CONTAINER_METADATA_URI_V4").unwrap();
    let discovery = within(&region, &surroundings(&environment)).await.unwrap();
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
}

#[tokio::test]
async fn outside_of_a_task_the_method_is_refused() {
    let region = Region::start().await;
    let error = within(&region, &Surroundings::default()).await.unwrap_err();
    assert!(matches!(error, Error::NotInTask), "{error}");
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
    assert!(error.to_string().contains("ECS_CONTAINER_METADATA_URI_V4"));
}

#[tokio::test]
async fn metadata_that_answers_otherwise_is_an_error_and_not_an_empty_view() {
    let region = Region::start().await;
    let own = one(&region);
    for (fault, said) in [
        (
            Fault::Error {
                status: 500,
                code: "InternalError",
            },
            "HTTP status 500",
        ),
        (Fault::WithoutMember("TaskARN"), "the answer names no task"),
        (Fault::EmptyBody, "the answer could not be understood"),
        (Fault::MalformedBody, "the answer could not be understood"),
    ] {
        region.faults().clear();
        region.faults().add(fault.on([Action::TaskMetadata]));
        let error = ask(&task_set(&region, &own).await, "orders")
            .await
            .unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("reading the metadata at http://"),
            "{message}"
        );
        assert!(message.ends_with(said), "{message}");
        assert_eq!(error.remedy(), Remedy::RetryLater);
    }
}

#[tokio::test]
async fn metadata_that_fails_while_the_container_starts_is_asked_again() {
    let region = Region::start().await;
    let own = one(&region);
    let starting = Fault::Error {
        status: 404,
        code: "NotFound",
    };
    region
        .faults()
        .add(starting.on([Action::TaskMetadata]).next(2));
    let resolved = look(&task_set(&region, &own).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
}

#[tokio::test]
async fn a_failure_to_find_the_own_task_is_not_remembered() {
    let region = Region::start().await;
    let own = one(&region);
    let discovery = task_set(&region, &own).await;
    region
        .faults()
        .add(Fault::Throttle.on([Action::DescribeTasks]).next(1));
    let error = ask(&discovery, "orders").await.unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }), "{error}");
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
}

#[tokio::test]
async fn a_task_that_is_not_visible_yet_is_worth_another_try() {
    let region = Region::start().await;
    let own = one(&region);
    let discovery = task_set(&region, &own).await;
    let nothing = Region::start().await;
    nothing.edit(|account| {
        account.put_service("demo", "orders", 1);
    });
    let before = Fault::Stale(nothing.snapshot());
    region
        .faults()
        .add(before.on([Action::DescribeTasks]).next(1));
    let error = ask(&discovery, "orders").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{own} is not visible in cluster `demo` yet")
    );
    assert_eq!(error.remedy(), Remedy::RetryLater);
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
}

#[tokio::test]
async fn a_task_of_another_cluster_is_told_so() {
    let region = Region::start().await;
    let own = region.edit(|account| account.run_task(Task::standalone("other", "orders")));
    let error = ask(&task_set(&region, &own).await, "orders")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{own} runs in cluster `arn:aws:ecs:eu-west-1:123456789012:cluster/other`, \
             but `demo` is configured"
        )
    );
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
}

#[tokio::test]
async fn a_task_that_nothing_groups_is_told_so() {
    let region = Region::start().await;
    let own = region.edit(|account| account.run_task(Task::standalone("demo", "orders")));
    let error = ask(&task_set(&region, &own).await, "orders")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoGroup { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
}

#[tokio::test]
async fn silent_metadata_does_not_outlast_the_lookup() {
    let region = Region::start().await;
    let own = one(&region);
    region
        .faults()
        .add(Fault::NoAnswer.on([Action::TaskMetadata]));
    let discovery = task_set(&region, &own).await;
    let started = tokio::time::Instant::now();
    let lookup = discovery::Lookup::new("orders");
    let error = discovery
        .lookup(&lookup, Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(error.remedy(), Remedy::RetryLater);
}

#[tokio::test]
async fn the_own_task_set_knows_how_many_nodes_are_expected() {
    let region = Region::start().await;
    let own = region.edit(|account| {
        account.put_service("demo", "orders", 3);
        account.run_task(order(1))
    });
    let discovery = task_set(&region, &own).await;
    let expected = discovery.expected_nodes("orders", Duration::from_secs(5));
    assert_eq!(expected.await.unwrap().number().unwrap().get(), 3);

    // The service's count says nothing of a deployment that it does not show any more.
    let own = region.edit(|account| account.run_task(order(2).started_by("ecs-svc/gone")));
    let discovery = task_set(&region, &own).await;
    let expected = discovery.expected_nodes("orders", Duration::from_secs(5));
    assert_eq!(
        expected.await.unwrap(),
        ExpectedNodes::Unknown(WhyUnknown::NoSuchService("orders".to_owned()))
    );
}

fn order(last: u8) -> Task {
    Task::of_service("demo", "orders").at(Ipv4Addr::new(10, 0, 1, last))
}

fn one(region: &Region) -> TaskArn {
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(order(1))
    })
}

async fn within(region: &Region, surroundings: &Surroundings) -> Result<Discovery, Error> {
    let mut ecs = EcsTaskSet::in_cluster("demo");
    ecs.client = client(region);
    Discovery::in_surroundings(Settings::EcsTaskSet(ecs), surroundings).await
}
