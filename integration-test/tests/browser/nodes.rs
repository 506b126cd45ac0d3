//! Real nodes, which find each other by a fixed list.

use std::net::{Ipv4Addr, SocketAddr};

use e2e::nodes::{
    addresses::Addresses, group::Group, node::Node, process::Process, settings::Settings,
};
use integration_test::program;
use observe::eventually::eventually;
use tempfile::TempDir;
use tokio::process::Command;

use crate::driver::PATIENCE;

const MANAGEMENT: u16 = 7626;
const GOSSIP: u16 = 7355;

/// The addresses of a cluster, whose nodes are started one by one.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) addresses: Vec<Ipv4Addr>,
    _claim: Addresses,
    group: Group,
    logs: TempDir,
}

impl Places {
    pub(crate) fn new(size: usize) -> Self {
        let claim = Addresses::claim().unwrap();
        Self {
            addresses: (0..size).map(|_| claim.next().unwrap()).collect(),
            _claim: claim,
            group: Group::start().unwrap(),
            logs: TempDir::new().unwrap(),
        }
    }

    /// Starts the node at one of the addresses.
    pub(crate) fn start(&self, n: usize) -> Node {
        let address = self.addresses[n];
        let list: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        let settings = Settings::default()
            .with("DISCOVERY_METHOD", "config")
            .with("DISCOVERY_CONFIG_ADDRESSES", &list.join(","))
            .with("NODE_ADDRESS", &address)
            .with("BOOTSTRAP_SERVICE_NAME", "orders")
            .with("BOOTSTRAP_EXPECTED_NODES", &self.addresses.len())
            .with("BOOTSTRAP_INTERVAL", "200ms")
            .with(
                "MEMBERSHIP_KEYS",
                "a key that only these tests use and nobody else",
            );
        let mut command = Command::new(program("demo-node").unwrap());
        command
            .arg("run")
            .env_clear()
            .envs(settings.into_environment());
        let log = self.logs.path().join(format!("{address}.log"));
        let process = Process::start(&self.group, command, log).unwrap();
        Node::new(
            format!("orders-{n}"),
            format!("cluster://orders@{address}:{GOSSIP}"),
            SocketAddr::from((address, MANAGEMENT)),
            process,
        )
    }
}

/// Waits until a node answers.
pub(crate) async fn answers(node: &Node) {
    let answer = eventually(PATIENCE, async || {
        node.get("/alive").await.map_err(|e| format!("{e:#}"))
    });
    answer.await.unwrap();
}
