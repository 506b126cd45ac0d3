//! What is said never stops what is done: a node runs on, and every command ends with a plain status,
//! where what they write is not read, closed or full.

use std::{
    fs::File,
    io::{PipeReader, PipeWriter, Write as _, pipe},
    process::Stdio,
    time::Duration,
};

use anyhow::ensure;
use e2e::nodes::node::Node;
use observe::eventually::eventually;
use region::Task;

use crate::support::{CLUSTER, ORDERS, Site, by_service, hasty, status_of};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_node_whose_log_is_on_a_full_disk_forms_a_cluster_counts_the_lines_and_leaves() {
    let lost = lives_and_leaves(full()).await;
    assert!(0 < lost);
}

#[tokio::test]
async fn a_node_whose_log_goes_into_a_closed_pipe_forms_a_cluster_counts_the_lines_and_leaves() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let lost = lives_and_leaves(writer.into()).await;
    assert!(0 < lost);
}

#[tokio::test]
async fn a_node_whose_log_nobody_reads_forms_a_cluster_and_leaves() {
    let (_reader, writer) = unread();
    lives_and_leaves(writer.into()).await;
}

/// Runs a node to its membership and to its end; answers with how many log lines it lost.
async fn lives_and_leaves(log: Stdio) -> u64 {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let settings = hasty().with("LOG_LEVEL", "trace");
    let mut node = site.start_logging(&task, address, settings, log);
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    let lost = lines_lost(&node).await.unwrap();
    let status = node.leave().await.unwrap();
    assert_eq!(status.code(), Some(0));
    lost
}

async fn lines_lost(node: &Node) -> anyhow::Result<u64> {
    let metrics = node.get("/metrics").await?;
    ensure!(metrics.status.is_success(), "{metrics}");
    let line = metrics
        .body
        .lines()
        .find_map(|line| line.strip_prefix("demo_node_log_lines_lost_total "));
    let Some(number) = line else {
        anyhow::bail!("no such metric: {}", metrics.body);
    };
    Ok(number.parse()?)
}

#[tokio::test]
async fn a_command_whose_answer_cannot_be_written_fails_and_says_so() {
    let site = Site::new().await;
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut environment = site.region.task_environment(&task);
    environment.extend(by_service().into_environment());
    for arguments in [
        &["lookup"][..],
        &["lookup", "--json"],
        &["--help"],
        &["--version"],
    ] {
        let status = status_of(arguments, &environment, full(), Stdio::null()).await;
        assert_eq!(status, Some(1), "{arguments:?}");

        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let status = status_of(arguments, &environment, writer.into(), Stdio::null()).await;
        assert_eq!(status, Some(1), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_command_that_cannot_say_what_is_wrong_ends_with_the_same_status() {
    let empty = std::collections::BTreeMap::new();
    for arguments in [
        &["run"][..],
        &["members", "--url", "x"],
        &["no-such-command"],
    ] {
        let status = status_of(arguments, &empty, Stdio::null(), full()).await;
        assert_eq!(status, Some(2), "{arguments:?}");

        let (_reader, writer) = unread();
        let status = status_of(arguments, &empty, Stdio::null(), writer.into()).await;
        assert_eq!(status, Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_node_is_healthy_also_where_nobody_can_be_told() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let node = site.start(&task, address, hasty());
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    let mut environment = site.region.task_environment(&task);
    environment.extend(hasty().into_environment());
    let status = status_of(&["healthcheck"], &environment, full(), full()).await;
    assert_eq!(status, Some(0));
    let status = status_of(&["members"], &environment, full(), full()).await;
    assert_eq!(status, Some(1));
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// A pipe with no room, whose reader is there and does not read.
fn unread() -> (PipeReader, PipeWriter) {
    /// What Linux gives a pipe: pipe(7).
    const ROOM: usize = 64 * 1024;
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(&[b'\n'; ROOM]).unwrap();
    (reader, writer)
}
