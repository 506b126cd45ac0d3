//! The sandbox of a scenario: an AWS account, and the nodes that AWS would run in it.
//!
//! AWS is [`Pretended`] in this process, except for scenarios that an emulator's EC2 shows; a node is a process on
//! this machine, or a container. A node gets only what ECS or EC2 would tell it, and its own settings.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context;
use region::{Region, TaskArn};

use crate::local::{
    chronicle::Chronicle,
    pretended::Pretended,
    runtime::{Runtime, Silence},
};
use crate::nodes::{clock, node::Node, settings::Settings};

/// The name of the cluster in all scenarios.
pub const ORDERS: &str = "orders";

/// Where the SDKs of a task get its credentials.
const CREDENTIALS_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// An account, and the nodes in it.
#[derive(Debug)]
pub struct Sandbox<'runtime, Account = Pretended> {
    runtime: &'runtime Runtime,
    account: Account,
    logs: PathBuf,
    decoys: Cell<u16>,
    /// The account's name within the scenario; the first one has none.
    name: String,
    /// All nodes of a scenario share one key, also decoys: the key must not be what keeps clusters apart. It is new
    /// for each scenario, so that nobody else on this machine can talk to its nodes.
    key: String,
    chronicle: Chronicle,
}

/// Where a node listens.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// HTTP.
    pub management: u16,
    /// UDP.
    pub gossip: u16,
}

/// A node that is about to start: AWS may list it already.
#[derive(Debug)]
pub struct Placed {
    /// For people; also names its log.
    pub name: String,
    /// Its address for peers.
    pub address: Ipv4Addr,
    /// Where it listens, if elsewhere: behind a [`Network`](crate::nodes::relay::Relay).
    pub behind: Option<Ipv4Addr>,
    /// Of that address.
    pub ports: Ports,
    /// The environment from AWS.
    pub environment: BTreeMap<String, String>,
    /// The settings from its operator.
    pub settings: Settings,
}

impl Ports {
    /// The settings of a node that does not share its address.
    pub const USUAL: Self = Self {
        management: 7626,
        gossip: 7355,
    };
}

impl<'runtime> Sandbox<'runtime> {
    /// An empty simulated account.
    pub async fn create(runtime: &'runtime Runtime, scenario: &str) -> anyhow::Result<Self> {
        let (region, chronicle) = (runtime.region().await?, Chronicle::default());
        let account = Pretended::new(region, String::new(), chronicle.clone());
        Self::noting_in(chronicle, runtime, scenario, account)
    }

    /// Another empty account for the same scenario, with its logs in a folder of this one's.
    pub async fn another(&self, name: &str) -> anyhow::Result<Self> {
        let (region, chronicle) = (self.runtime.region().await?, self.chronicle.clone());
        Ok(Self {
            runtime: self.runtime,
            account: Pretended::new(region, name.to_owned(), chronicle.clone()),
            logs: created(self.logs.join(name))?,
            decoys: Cell::new(0),
            name: name.to_owned(),
            key: self.key.clone(),
            chronicle,
        })
    }

    /// The simulated AWS.
    pub fn region(&self) -> &Region {
        self.account.region()
    }

    /// What ECS tells the containers of a task.
    pub fn task_environment(&self, task: &TaskArn) -> BTreeMap<String, String> {
        let mut environment = self.region().task_environment(task);
        let asks_for_credentials = environment.contains_key(CREDENTIALS_URI);
        if asks_for_credentials && !self.runtime.hands_out_credentials() {
            // The same, passed directly.
            let credentials = self.region().edit(|account| {
                let role = account.task(task).role.clone();
                account.credentials(&role.unwrap_or_default(), task.id())
            });
            environment.remove(CREDENTIALS_URI);
            environment.extend([
                ("AWS_ACCESS_KEY_ID".to_owned(), credentials.access_key_id),
                (
                    "AWS_SECRET_ACCESS_KEY".to_owned(),
                    credentials.secret_access_key,
                ),
                ("AWS_SESSION_TOKEN".to_owned(), credentials.session_token),
            ]);
        }
        environment
    }
}

impl<'runtime, Account> Sandbox<'runtime, Account> {
    /// For a scenario in an account that something else provides.
    pub fn of(
        runtime: &'runtime Runtime,
        scenario: &str,
        account: Account,
    ) -> anyhow::Result<Self> {
        Self::noting_in(Chronicle::default(), runtime, scenario, account)
    }

    fn noting_in(
        chronicle: Chronicle,
        runtime: &'runtime Runtime,
        scenario: &str,
        account: Account,
    ) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("the system gives no random bytes for a key")?;
        Ok(Self {
            runtime,
            account,
            logs: created(runtime.logs_of(scenario))?,
            decoys: Cell::new(0),
            name: String::new(),
            key: hex::encode(key),
            chronicle,
        })
    }

    /// Where AWS is asked.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What happened to the scenario's nodes. The calls to AWS, and what was wrong with it, are added when this is
    /// dropped.
    pub fn chronicle(&self) -> Chronicle {
        self.chronicle.clone()
    }

    /// An address that no node has had.
    pub fn free_address(&self) -> anyhow::Result<Ipv4Addr> {
        self.runtime.next_address()
    }

    /// Nothing answers at this address.
    pub fn silence(&self, address: Ipv4Addr) -> anyhow::Result<Silence> {
        let port = Ports::USUAL.management;
        self.runtime.silence(SocketAddr::from((address, port)))
    }

    /// The environment that makes a node's clock ahead by this many seconds.
    pub fn wrong_clock(&self, ahead: i64) -> anyhow::Result<BTreeMap<String, String>> {
        clock::ahead_by(ahead, &self.logs)
    }

    /// Two addresses that no node has had: what peers call a node, and where it listens behind a
    /// [`Network`](crate::nodes::relay::Relay).
    pub fn free_relayed_addresses(&self) -> anyhow::Result<(Ipv4Addr, Ipv4Addr)> {
        self.runtime.next_relayed()
    }

    /// This address is no longer used.
    pub fn give_back(&self, address: Ipv4Addr) {
        self.runtime.give_back(address);
    }

    /// Starts a node.
    pub fn start(&self, placed: Placed) -> anyhow::Result<Node> {
        let Placed {
            name,
            address,
            behind,
            ports,
            environment,
            mut settings,
        } = placed;
        let listens_at = behind.unwrap_or(address);
        if let Some(behind) = behind {
            settings = settings
                .with("NODE_ADDRESS", &address)
                .with("NODE_BIND_ADDRESS", &behind);
        }
        let (address, listens_at) = (address.into(), listens_at.into());
        self.launch(name, address, listens_at, ports, environment, settings)
    }

    /// The same at an IPv6 address, which a process can have but a container here cannot.
    pub fn start_at(
        &self,
        name: String,
        address: Ipv6Addr,
        environment: BTreeMap<String, String>,
        settings: Settings,
    ) -> anyhow::Result<Node> {
        let address = address.into();
        self.launch(name, address, address, Ports::USUAL, environment, settings)
    }

    fn launch(
        &self,
        name: String,
        address: IpAddr,
        listens_at: IpAddr,
        ports: Ports,
        mut environment: BTreeMap<String, String>,
        settings: Settings,
    ) -> anyhow::Result<Node> {
        let log = self.logs.join(format!("{name}.log"));
        environment.extend(basics(ports, &self.key).and(settings).into_environment());

        let process = self
            .runtime
            .start(listens_at, &environment, log)
            .with_context(|| format!("starting {name}"))?;
        let gossip = SocketAddr::new(address, ports.gossip);
        let uri = format!("cluster://{ORDERS}@{gossip}");
        let log = PathBuf::from(&self.name).join(&name);
        let life = self
            .chronicle
            .started(log.display().to_string(), uri.clone());
        let management = SocketAddr::new(listens_at, ports.management);
        Ok(Node::new(name, uri, management, process).noted_in(life))
    }

    /// Starts a node that forms a cluster alone, with the same name and the same key, and lets anyone in.
    ///
    /// Placed where no node of a scenario may look, it makes wrong looks visible: a node that finds a cluster joins
    /// it.
    pub fn decoy(&self, address: Ipv4Addr) -> anyhow::Result<Node> {
        let serial = self.decoys.get() + 1;
        self.decoys.set(serial);
        self.start(Placed {
            name: format!("decoy-{serial}"),
            address,
            behind: None,
            ports: Ports::USUAL,
            environment: BTreeMap::new(),
            settings: Settings::default()
                .with("DISCOVERY_METHOD", "config")
                .with("DISCOVERY_CONFIG_ADDRESSES", &address)
                .with("BOOTSTRAP_EXPECTED_NODES", &1)
                .with("BOOTSTRAP_REQUIRED_CONTACT_POINTS", &1)
                .with("NODE_ADDRESS", &address),
        })
    }
}

fn created(logs: PathBuf) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
    Ok(logs)
}

/// The settings of every node, which a scenario may replace.
fn basics(ports: Ports, key: &str) -> Settings {
    Settings::default()
        .with("BOOTSTRAP_SERVICE_NAME", ORDERS)
        .with("MANAGEMENT_PORT", &ports.management)
        .with("MEMBERSHIP_PORT", &ports.gossip)
        .with("MEMBERSHIP_KEYS", key)
        .with(
            "LOG_LEVEL",
            "info,bootstrap=debug,demo_node=debug,discovery=debug",
        )
        .with("LOG_FORMAT", "json")
}
