//! A node that does not see all of its service, or not itself, founds nothing however long that
//! lasts, and says what it waits for. The same node founds as soon as it sees what it must.

use std::time::Duration;

use e2e::nodes::node::Node;
use observe::eventually::eventually;
use region::{Action, Fault, Task, TaskStatus};
use serde_json::Value;

use crate::support::{CLUSTER, ORDERS, Site, bootstrap, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// One lookup would do for founding, were it the right one.
const MANY: u64 = 15;

#[tokio::test]
async fn a_node_whose_lookups_fail_founds_nothing() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    site.region
        .faults()
        .add(Fault::Throttle.on([Action::ListTasks]));
    let node = site.start(&task, address, hasty());
    let status = waits_after_many(&node, "failed", "lookup-failed").await;
    assert_eq!(status["lookups"]["complete"], 0);
    assert_eq!(status["lastLookup"]["completeness"], "failed");
    assert!(
        status["lastLookup"]["reasons"][0]
            .as_str()
            .unwrap()
            .contains("throttled"),
        "{status}"
    );

    site.region.faults().clear();
    founds(&node).await;
}

#[tokio::test]
async fn a_node_with_a_partial_view_founds_nothing_where_the_expected_nodes_are_unknown() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let (bare, _) = site.run_task(
        Task::of_service(CLUSTER, ORDERS)
            .without_address()
            .status(TaskStatus::Provisioning),
    );
    let unknown = hasty().with("BOOTSTRAP_EXPECTED_NODES", "unknown");
    let node = site.start(&task, address, unknown);
    let status = waits_after_many(&node, "partial", "partial-view").await;
    assert_eq!(status["lookups"]["complete"], 0);
    assert_eq!(status["lastLookup"]["completeness"], "partial");

    site.region.edit(|account| account.finish_task(&bare));
    founds(&node).await;
}

#[tokio::test]
async fn a_task_that_never_gets_an_address_keeps_nobody_waiting_where_the_expected_nodes_are_known()
{
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    site.run_task(
        Task::of_service(CLUSTER, ORDERS)
            .without_address()
            .status(TaskStatus::Provisioning),
    );
    let node = site.start(&task, address, hasty());
    founds(&node).await;
    let status = bootstrap(&node).await.unwrap();
    assert_eq!(status["lookups"]["complete"], 0, "{status}");
}

#[tokio::test]
async fn a_node_that_is_not_listed_founds_nothing() {
    let site = Site::new().await;
    // What it looks for is another's service: its own task is none of it.
    let (_other, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let (task, address) = site.run_task(Task::standalone(CLUSTER, "billing"));
    let node = site.start(&task, address, hasty());
    let status = waits_after_many(&node, "complete", "not-listed").await;
    assert_eq!(status["reason"]["me"], format!("{address}:7626"));
    assert_eq!(status["lookups"]["failed"], 0);
}

/// Waits until so many lookups have ended so, and sees that nothing came of it but this reason.
async fn waits_after_many(node: &Node, outcome: &str, rule: &str) -> Value {
    let status = eventually(PATIENCE, async || {
        let status = bootstrap(node)
            .await
            .map_err(|error| format!("{error:#}"))?;
        match status["lookups"][outcome].as_u64() {
            Some(lookups) if MANY <= lookups => Ok(status),
            _ => Err(status.to_string()),
        }
    })
    .await
    .unwrap();
    assert_eq!(status["phase"], "waiting", "{status}");
    assert_eq!(status["reason"]["rule"], rule, "{status}");
    let ready = node.get("/ready").await.unwrap();
    assert_eq!(ready.status.as_u16(), 503);
    let message = status["message"].as_str().unwrap();
    assert!(ready.body.contains(message), "{ready} {status}");
    assert_eq!(node.members().await.unwrap().cluster, None);
    status
}

async fn founds(node: &Node) {
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    assert_eq!(node.members().await.unwrap().members.len(), 1);
}
