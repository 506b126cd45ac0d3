//! A node with few descriptors answers those that ask, however many others connect.

use std::{fs, time::Duration};

use e2e::nodes::node::Node;
use observe::eventually::eventually;
use region::Task;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{CLUSTER, ORDERS, Site, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a node says that cannot take a connection.
const REFUSED: &str = "a connection could not be accepted";

#[tokio::test]
async fn with_64_descriptors_a_node_answers_behind_100_half_open_requests() {
    let (_site, node) = member("-n 64").await;
    let _half_open = half_open(&node, 100).await;
    // Room is made before there is no descriptor left.
    assert_eq!(node.log().matches(REFUSED).count(), 0, "{}", node.log());
}

#[tokio::test]
async fn a_node_without_any_spare_descriptor_answers_and_says_so_once() {
    // Fewer than the connections that a node takes in any case need, with what it has open itself.
    let (_site, node) = member("-n 20").await;
    let _half_open = half_open(&node, 100).await;
    assert_eq!(node.log().matches(REFUSED).count(), 1, "{}", node.log());
}

#[tokio::test]
async fn a_node_takes_as_many_descriptors_as_it_may_have() {
    let (_site, node) = member("-S -n 64").await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", node.id().unwrap())).unwrap();
    let open_files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap();
    let mut open_files = open_files.split_whitespace();
    let (soft, hard) = (open_files.next().unwrap(), open_files.next().unwrap());
    assert_ne!(soft, "64");
    assert_eq!(soft, hard);
}

async fn member(ulimit: &str) -> (Site, Node) {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let node = site.start_limited(&task, address, hasty(), ulimit);
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    (site, node)
}

/// Requests that are begun and not ended; the node answers others meanwhile.
async fn half_open(node: &Node, number: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..number {
        let mut stream = TcpStream::connect(node.management()).await.unwrap();
        stream
            .write_all(b"GET /alive HTTP/1.1\r\nhost: ")
            .await
            .unwrap();
        streams.push(stream);
    }
    for _ in 0..10 {
        let answer = node.get("/alive").await.unwrap();
        assert_eq!(answer.status, 200, "{answer}");
    }
    streams
}
