//! The examples of the libraries that go on from discovery: their processes find each other, and become one cluster.

use std::{collections::BTreeSet, net::Ipv4Addr, process::Stdio, time::Duration};

use integration_test::program;
use region::{Task, TaskArn};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::support::{CLUSTER, ORDERS, Site};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Of three.
struct Process {
    address: String,
    said: Lines<BufReader<ChildStdout>>,
    /// Killed when this is dropped.
    _process: Child,
}

#[tokio::test]
async fn tasks_find_each_other_by_plain_datagrams() {
    find_each_other("examples/seeds_udp").await;
}

#[tokio::test]
async fn tasks_become_members_by_gossip() {
    find_each_other("examples/seeds_foca").await;
}

#[tokio::test]
async fn tasks_become_one_cluster_with_another_membership() {
    let site = Site::new().await;
    site.region
        .edit(|account| account.put_service(CLUSTER, ORDERS, 3).desired_count);
    let mut clusters = BTreeSet::new();
    for process in &mut three(&site, "examples/chitchat") {
        let whole = process.says(|line| line.ends_with(": 3 members"));
        clusters.insert(whole.await);
    }
    assert_eq!(clusters.len(), 1, "{clusters:?}");
}

/// Each of three processes says that the two others are here.
async fn find_each_other(name: &str) {
    let site = Site::new().await;
    let mut processes = three(&site, name);
    let addresses: Vec<_> = processes.iter().map(|it| it.address.clone()).collect();
    for process in &mut processes {
        let others = addresses.iter().filter(|it| **it != process.address);
        let mut missing: BTreeSet<_> = others
            .map(|address| format!("{address}:7355 is here"))
            .collect();
        let all_here = |line: &str| {
            missing.remove(line);
            missing.is_empty()
        };
        process.says(all_here).await;
    }
}

/// Three tasks of the service, each of which runs the example.
fn three(site: &Site, name: &str) -> Vec<Process> {
    let tasks: Vec<_> = (0..3)
        .map(|_| site.run_task(Task::of_service(CLUSTER, ORDERS)))
        .collect();
    let start = |(task, address): (TaskArn, Ipv4Addr)| {
        let mut process = Command::new(program(name).unwrap())
            .args([ORDERS, CLUSTER])
            .env_clear()
            .envs(site.region.task_environment(&task))
            .env(
                "CLUSTER_KEY",
                "a key that only these tests use and nobody else",
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Process {
            address: address.to_string(),
            said: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
        }
    };
    tasks.into_iter().map(start).collect()
}

impl Process {
    /// Waits for a line, which it returns.
    async fn says(&mut self, mut is_it: impl FnMut(&str) -> bool) -> String {
        let hearing = async {
            loop {
                let line = self.said.next_line().await.unwrap();
                let line = line.expect("it goes on");
                if is_it(&line) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, hearing).await.unwrap()
    }
}
