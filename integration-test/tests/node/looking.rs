//! `demo-node lookup`: what it prints, and which exit status tells how much of the service it saw.

use std::{collections::BTreeMap, time::Duration};

use region::{Action, Fault, Task, TaskStatus};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::ChildStdout,
};

use crate::support::{CLUSTER, ORDERS, Said, Site, by_service, demo_node, watching};

#[tokio::test]
async fn a_complete_view_is_json_with_these_keys_and_status_0() {
    let site = Site::new().await;
    let (environment, arn, address) = observer(&site);
    let said = demo_node(&["lookup", "--json"], &environment).await;
    let seen = said.shows(0);
    assert_eq!(
        keys(&seen),
        [
            "calls",
            "completeness",
            "dropped",
            "elapsed_ms",
            "method",
            "partial_reasons",
            "service",
            "targets"
        ]
    );
    assert_eq!(seen["method"], "aws-api-ecs");
    assert_eq!(seen["service"], ORDERS);
    assert_eq!(seen["completeness"], "complete");
    assert_eq!(seen["partial_reasons"], json!([]));
    assert_eq!(seen["dropped"], json!([]));
    assert_eq!(seen["calls"]["ListTasks"], 1);
    assert_eq!(seen["calls"]["DescribeTasks"], 1);
    assert!(seen["elapsed_ms"].is_u64());
    let target = &seen["targets"][0];
    assert_eq!(
        keys(target),
        ["address", "cluster", "id", "metadata", "port", "service"]
    );
    assert_eq!(target["address"], address);
    assert_eq!(target["port"], Value::Null);
    assert_eq!(target["id"], arn);
    assert_eq!(target["metadata"]["availability-zone"], "eu-west-1a");
}

#[tokio::test]
async fn a_partial_view_says_why_and_status_3() {
    let site = Site::new().await;
    let (environment, _, address) = observer(&site);
    let (bare, _) = site.run_task(
        Task::of_service(CLUSTER, ORDERS)
            .without_address()
            .status(TaskStatus::Provisioning),
    );
    let said = demo_node(&["lookup", "--json"], &environment).await;
    let seen = said.shows(3);
    assert_eq!(seen["completeness"], "partial");
    assert_eq!(
        seen["partial_reasons"],
        json!([format!("{bare} is running but has no address yet")])
    );
    assert_eq!(
        seen["dropped"],
        json!([{ "id": bare.to_string(), "reason": "no address" }])
    );
    assert_eq!(seen["targets"].as_array().unwrap().len(), 1);

    let said = demo_node(&["lookup"], &environment).await;
    assert_eq!(said.status, Some(3));
    for expected in [
        "orders by aws-api-ecs: partial, 1 target, 1 dropped (",
        "partial: ",
        &address,
        &format!("\n{bare}  no address"),
    ] {
        assert!(said.output.contains(expected), "{}", said.output);
    }
}

#[tokio::test]
async fn a_failure_is_one_line_and_status_1() {
    let site = Site::new().await;
    let (environment, ..) = observer(&site);
    for (fault, why) in [
        (Fault::Throttle, "throttled"),
        (
            Fault::Error {
                status: 500,
                code: "ServerException",
            },
            "the service failed with HTTP status 500",
        ),
    ] {
        site.region.faults().clear();
        site.region.faults().add(fault.on([Action::ListTasks]));
        let said = demo_node(&["lookup", "--json"], &environment).await;
        said.fails(1, why);
    }
}

#[tokio::test]
async fn a_lookup_takes_no_longer_than_it_may() {
    let site = Site::new().await;
    let (mut environment, ..) = observer(&site);
    let limit = ("DEMO_NODE_BOOTSTRAP_RESOLVE_TIMEOUT", "200ms");
    environment.insert(limit.0.to_owned(), limit.1.to_owned());
    site.region
        .faults()
        .add(Fault::NoAnswer.on([Action::ListTasks]));
    let said = demo_node(&["lookup"], &environment).await;
    said.fails(1, "no answer within 200ms");
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_and_status_1() {
    let site = Site::new().await;
    let (environment, ..) = observer(&site);
    let denied = Fault::Error {
        status: 400,
        code: "AccessDeniedException",
    };
    site.region.faults().add(denied.on([Action::ListTasks]));
    let said = demo_node(&["lookup"], &environment).await;
    said.fails(1, "not authorized to perform ecs:ListTasks");
}

#[tokio::test]
async fn what_does_not_exist_is_a_matter_of_configuration_and_status_2() {
    let site = Site::new().await;
    let (mut environment, ..) = observer(&site);
    let said = demo_node(&["lookup", "billing"], &environment).await;
    said.fails(2, "there is no such service in this cluster");
    environment.insert(
        "DEMO_NODE_DISCOVERY_AWS_API_ECS_CLUSTER".to_owned(),
        "nowhere".to_owned(),
    );
    let said = demo_node(&["lookup"], &environment).await;
    said.fails(2, "there is no such cluster in this account and region");
}

#[tokio::test]
async fn what_cannot_be_asked_is_wrong_usage_and_status_2() {
    let site = Site::new().await;
    let (mut environment, ..) = observer(&site);
    let said = demo_node(&["lookup", "--watch=soon"], &environment).await;
    said.fails(2, "--watch: ");
    environment.insert(
        "DEMO_NODE_DISCOVERY_METHOD".to_owned(),
        "aws-api-eks".to_owned(),
    );
    let said = demo_node(&["lookup"], &environment).await;
    said.fails(
        2,
        "aws-api-ec2-tag-based, aws-api-ecs, aws-api-ecs-task-set, config",
    );
    assert_eq!(site.region.calls().log().len(), 0);
    let said = demo_node(&["lookup", "--nonsense"], &environment).await;
    assert_eq!(said.status, Some(2), "{}", said.error);
}

#[tokio::test]
async fn watching_marks_what_came_and_what_went() {
    let site = Site::new().await;
    let (environment, first, address) = observer(&site);
    let mut watch = watching(&["lookup", "--watch=100ms"], &environment);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(
        until(&mut lines, &address).await.ends_with(&first),
        "the table comes first"
    );
    let (second, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    until(&mut lines, &format!("+ {address} {second}")).await;
    site.region.edit(|account| account.stop_task(&second));
    until(&mut lines, &format!("- {address} {second}")).await;
}

/// The next line that begins so.
async fn until(lines: &mut Lines<BufReader<ChildStdout>>, beginning: &str) -> String {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.starts_with(beginning) {
                return line;
            }
        }
        panic!("it ended before it said {beginning}")
    };
    let found = tokio::time::timeout(Duration::from_secs(8), found).await;
    found.unwrap_or_else(|_| panic!("it never said {beginning}"))
}

/// The environment of a task of the service, the task and its address.
fn observer(site: &Site) -> (BTreeMap<String, String>, String, String) {
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut environment = site.region.task_environment(&task);
    environment.extend(by_service().into_environment());
    (environment, task.to_string(), address.to_string())
}

fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap();
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

impl Said {
    /// JSON on one line, nothing else anywhere, and this exit status.
    #[track_caller]
    fn shows(&self, status: i32) -> Value {
        assert_eq!(self.status, Some(status), "{}", self.error);
        assert_eq!(self.error, "");
        assert_eq!(self.output.lines().count(), 1, "{}", self.output);
        serde_json::from_str(&self.output).unwrap()
    }

    #[track_caller]
    fn fails(&self, status: i32, why: &str) {
        assert_eq!(self.status, Some(status), "{}", self.error);
        assert_eq!(self.error.lines().count(), 1, "{}", self.error);
        assert!(self.error.starts_with("demo-node: "), "{}", self.error);
        assert!(self.error.contains(why), "{}", self.error);
        assert_eq!(self.output, "");
    }
}

#[tokio::test]
async fn of_several_services_the_table_says_whose_each_target_is_and_one_can_be_looked_up_alone() {
    let site = Site::new().await;
    site.region.edit(|account| {
        account.put_service("workers", "batch", 1);
        account.put_service(CLUSTER, "billing", 1);
    });
    let (own, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    site.run_task(Task::of_service("workers", "batch"));
    site.run_task(Task::of_service(CLUSTER, "billing"));
    let mut environment = site.region.task_environment(&own);
    let settings = by_service().with("DISCOVERY_AWS_API_ECS_SERVICES", "orders,workers/batch");
    environment.extend(settings.into_environment());

    let said = demo_node(&["lookup"], &environment).await;
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(
        said.output
            .starts_with("orders by aws-api-ecs: complete, 2 targets")
    );
    for row in ["SERVICE", "  demo/orders    ", "  workers/batch  "] {
        assert!(said.output.contains(row), "{}", said.output);
    }
    let alone = demo_node(&["lookup", "billing"], &environment).await;
    assert!(
        alone
            .output
            .starts_with("billing by aws-api-ecs: complete, 1 target,")
    );
    assert!(!alone.output.contains("SERVICE"), "{}", alone.output);
}
