//! What these tests share: the program, its settings, and a place to run.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use e2e::nodes::{
    addresses::Addresses, group::Group, node::Node, process::Process, settings::Settings,
};
use integration_test::program;
use region::{Region, Task, TaskArn};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub(crate) const CLUSTER: &str = "demo";
pub(crate) const ORDERS: &str = "orders";

const MANAGEMENT: u16 = 7626;
const GOSSIP: u16 = 7355;

/// A region, addresses, and whatever else a node needs; all gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) region: Region,
    pub(crate) addresses: Addresses,
    group: Group,
    logs: TempDir,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Site {
    /// With a service that means to run one task.
    pub(crate) async fn new() -> Self {
        let region = Region::start().await;
        region.edit(|account| account.put_service(CLUSTER, ORDERS, 1).desired_count);
        Self {
            region,
            addresses: Addresses::claim().unwrap(),
            group: Group::start().unwrap(),
            logs: TempDir::new().unwrap(),
        }
    }

    /// A task that runs at an address of its own.
    pub(crate) fn run_task(&self, task: Task) -> (TaskArn, Ipv4Addr) {
        let address = self.addresses.next().unwrap();
        let task = self
            .region
            .edit(|account| account.run_task(task.at(address)));
        (task, address)
    }

    /// Starts a node in a task.
    pub(crate) fn start(&self, task: &TaskArn, address: Ipv4Addr, settings: Settings) -> Node {
        self.start_in(self.region.task_environment(task), address, settings)
    }

    /// Starts a node in another environment than a task has.
    pub(crate) fn start_in(
        &self,
        mut environment: BTreeMap<String, String>,
        address: Ipv4Addr,
        settings: Settings,
    ) -> Node {
        let output = File::create(self.log_of(address)).unwrap();
        environment.extend(settings.into_environment());
        self.run(&environment, address, output.into())
    }

    /// The same, with what it logs going elsewhere.
    pub(crate) fn start_logging(
        &self,
        task: &TaskArn,
        address: Ipv4Addr,
        settings: Settings,
        log: Stdio,
    ) -> Node {
        let mut environment = self.region.task_environment(task);
        environment.extend(settings.into_environment());
        self.run(&environment, address, log)
    }

    /// The same, with arguments.
    pub(crate) fn start_with(
        &self,
        task: &TaskArn,
        address: Ipv4Addr,
        settings: Settings,
        arguments: &[&str],
    ) -> Node {
        let mut environment = self.region.task_environment(task);
        environment.extend(settings.into_environment());
        let mut command = command(&environment);
        command.arg("run").args(arguments);
        let output = File::create(self.log_of(address)).unwrap();
        self.spawn(command, address, output.into())
    }

    /// Starts a node after a shell's `ulimit` with these arguments.
    pub(crate) fn start_limited(
        &self,
        task: &TaskArn,
        address: Ipv4Addr,
        settings: Settings,
        ulimit: &str,
    ) -> Node {
        let mut environment = self.region.task_environment(task);
        environment.extend(settings.into_environment());
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("ulimit {ulimit} && exec \"$0\" run")])
            .arg(program("demo-node").unwrap())
            .env_clear()
            .envs(&environment);
        let output = File::create(self.log_of(address)).unwrap();
        self.spawn(command, address, output.into())
    }

    fn run(&self, environment: &BTreeMap<String, String>, address: Ipv4Addr, log: Stdio) -> Node {
        let mut command = command(environment);
        command.arg("run");
        self.spawn(command, address, log)
    }

    fn spawn(&self, mut command: Command, address: Ipv4Addr, log: Stdio) -> Node {
        command.stdout(Stdio::null()).stderr(log);
        let process = Process::start_with(&self.group, command, self.log_of(address)).unwrap();
        Node::new(
            "node".to_owned(),
            format!("cluster://{ORDERS}@{address}:{GOSSIP}"),
            SocketAddr::from((address, MANAGEMENT)),
            process,
        )
    }

    fn log_of(&self, address: Ipv4Addr) -> PathBuf {
        self.logs.path().join(format!("{address}.log"))
    }
}

/// Those of a node that would found a cluster alone, and soon.
pub(crate) fn hasty() -> Settings {
    by_service()
        .with("BOOTSTRAP_EXPECTED_NODES", "1")
        .with("BOOTSTRAP_REQUIRED_CONTACT_POINTS", "1")
        .with("BOOTSTRAP_STABLE_MARGIN", "100ms")
        .with("BOOTSTRAP_INTERVAL", "100ms")
        .with("BOOTSTRAP_EXPONENTIAL_BACKOFF_MAX", "100ms")
}

/// Those of a node that finds its peers by the ECS service.
pub(crate) fn by_service() -> Settings {
    Settings::default()
        .with("DISCOVERY_METHOD", "aws-api-ecs")
        .with("DISCOVERY_AWS_API_ECS_CLUSTER", CLUSTER)
        .with("BOOTSTRAP_SERVICE_NAME", ORDERS)
        .with("MANAGEMENT_PORT", &MANAGEMENT)
        .with("MEMBERSHIP_PORT", &GOSSIP)
        .with(
            "MEMBERSHIP_KEYS",
            "a key that only these tests use and nobody else",
        )
}

/// What the node's bootstrap says of itself.
pub(crate) async fn bootstrap(node: &Node) -> anyhow::Result<Value> {
    let answer = node.get("/bootstrap").await?;
    ensure!(answer.status.is_success(), "{answer}");
    serde_json::from_str(&answer.body).context("reading the answer for /bootstrap")
}

/// Runs a command to its end, with nothing but this environment.
pub(crate) async fn demo_node<T: AsRef<OsStr> + Ord>(
    arguments: &[&str],
    environment: &BTreeMap<T, T>,
) -> Said {
    let ended = command(environment)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    Said {
        status: ended.status.code(),
        output: String::from_utf8(ended.stdout).unwrap(),
        error: String::from_utf8(ended.stderr).unwrap(),
    }
}

/// The same for one that does not end by itself: it is killed when this is dropped.
pub(crate) fn watching(arguments: &[&str], environment: &BTreeMap<String, String>) -> Child {
    command(environment)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The exit status of a command, whatever becomes of what it says.
pub(crate) async fn status_of(
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
    output: Stdio,
    error: Stdio,
) -> Option<i32> {
    let mut child = command(environment)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(error)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.wait().await.unwrap().code()
}

fn command<T: AsRef<OsStr> + Ord>(environment: &BTreeMap<T, T>) -> Command {
    let mut command = Command::new(program("demo-node").unwrap());
    command.env_clear().envs(environment);
    command
}
