//! The examples of the library that go on from discovery: their processes find each other.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use integration_test::program;
use region::Task;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::support::{CLUSTER, ORDERS, Site};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn tasks_find_each_other_by_plain_datagrams() {
    find_each_other("examples/seeds_udp").await;
}

#[tokio::test]
async fn tasks_become_members_by_gossip() {
    find_each_other("examples/seeds_foca").await;
}

/// Each of three processes says that the two others are here.
async fn find_each_other(name: &str) {
    let site = Site::new().await;
    let tasks: Vec<_> = (0..3)
        .map(|_| site.run_task(Task::of_service(CLUSTER, ORDERS)))
        .collect();
    let mut processes: Vec<(Child, Lines<BufReader<ChildStdout>>)> = Vec::new();
    for (task, _) in &tasks {
        let mut process = Command::new(program(name).unwrap())
            .args([ORDERS, CLUSTER])
            .env_clear()
            .envs(site.region.task_environment(task))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        processes.push((process, said));
    }
    for ((_, own), (_, said)) in tasks.iter().zip(&mut processes) {
        let others = tasks.iter().filter(|(_, address)| address != own);
        let mut missing: BTreeSet<_> = others
            .map(|(_, address)| format!("{address}:7355 is here"))
            .collect();
        let hearing = async {
            while !missing.is_empty() {
                let line = said.next_line().await.unwrap();
                missing.remove(&line.unwrap());
            }
        };
        timeout(PATIENCE, hearing).await.unwrap();
    }
}
