//! The membership of a large cluster over UDP sockets on the loopback, in real time.
//!
//! The figures are those of one process that does the work of all nodes.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use demo_node::{
    clock,
    cluster::{ClusterId, Formation, NodeUid},
    membership::{self, Broken, Departure, Environment, Handle, Local, Timing, Traffic},
    seal::Keyring,
};
use tokio::{
    net::UdpSocket,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, report, tell};

const SECRET: &str = "a secret that only this measurement has";

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// For how many seconds the cluster is watched when nothing happens
    #[arg(long, default_value_t = 20)]
    watch: u64,
}

/// A running node of the cluster in real time.
struct Node {
    handle: Handle,
    stop: CancellationToken,
}

/// Starts one after the other, watches them at rest, kills one, lets one leave.
///
/// # Errors
///
/// When something never comes about.
pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let formation = Formation {
        id: ClusterId(u128::from(clock::unix_millis()) << 64),
        founded_at: clock::unix_millis(),
    };
    let keyring = Keyring::from_secrets(&[SECRET])?;
    let mut nodes = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut catching_up = JoinSet::new();
    let mut first: Option<(SocketAddr, Handle)> = None;
    let begin = clock::now();
    for uid in 0..options.size {
        let uid = NodeUid(u64::try_from(uid)?);
        let (address, node) = start(uid, &keyring, &mut tasks).await?;
        match first.clone() {
            None => {
                node.handle.found(formation).await?;
                first = Some((address, node.handle.clone()));
            }
            Some((seed, handle)) => {
                node.handle.join(formation, vec![seed]).await?;
                catching_up.spawn(catch_up(node.handle.clone(), handle));
            }
        }
        nodes.insert(address, node);
    }
    let (_, first) = first.context("at least one node is needed")?;
    let everyone = options.size;
    report("all started after", clock::now().duration_since(begin));
    let took = settle(&nodes, |members| members.up().count() == everyone).await?;
    report("each sees all others after", took);

    let before = traffic(&nodes).await?;
    let watch = Duration::from_secs(options.watch);
    sleep(watch).await;
    let after = traffic(&nodes).await?;
    let rate = |count: u64| count as f64 / watch.as_secs_f64() / everyone as f64;
    let bytes = rate(after.sent_bytes - before.sent_bytes);
    tell("traffic of each node after that", format!("{bytes:.0} B/s"));
    let datagrams = rate(after.sent - before.sent);
    tell("datagrams of each node", format!("{datagrams:.1} /s"));
    tell(
        "datagrams rejected, by all",
        format!("{:?}", after.rejected),
    );
    let state = first.state().await?.len();
    tell("size of the full state", format!("{state} B"));

    let (victim, node) = nodes.pop_last().context("a node to kill")?;
    node.stop.cancel();
    let unreachable = settle(&nodes, |members| {
        !members.members.get(&victim).is_some_and(|m| m.reachable)
    })
    .await?;
    report("a killed node is unreachable to all after", unreachable);
    let removed = settle(&nodes, |members| !members.members.contains_key(&victim)).await?;
    report("and removed after", unreachable + removed);

    let (leaver, node) = nodes.pop_last().context("a node that leaves")?;
    let left = settle(&nodes, |members| !members.members.contains_key(&leaver));
    let (left, ()) = tokio::join!(left, node.handle.leave());
    report("one that leaves is gone for all after", left?);
    Ok(())
}

async fn start(
    uid: NodeUid,
    keyring: &Keyring,
    tasks: &mut JoinSet<Result<Departure, Broken>>,
) -> anyhow::Result<(SocketAddr, Node)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = socket.local_addr()?;
    let settings = Local {
        cluster: "measured".parse()?,
        gossip: address,
        management: address,
        uid,
        started_at: clock::unix_millis(),
        roles: ["worker".to_owned()].into(),
        version: "0.1.0".to_owned(),
        zone: Some("eu-central-1a".to_owned()),
        keyring: keyring.clone(),
        timing: Timing::lan(),
    };
    let (handle, driver) = membership::new(settings, socket, Environment::system())?;
    let stop = CancellationToken::new();
    tasks.spawn(driver.run(stop.clone()));
    Ok((address, Node { handle, stop }))
}

/// What a node does over its management endpoint: takes over another's state on joining, and again
/// soon after.
async fn catch_up(node: Handle, other: Handle) -> anyhow::Result<()> {
    let mut members = node.members();
    members
        .wait_for(|members| 1 < members.members.len())
        .await?;
    for pause in [0, 1, 2, 4] {
        sleep(Duration::from_secs(pause)).await;
        node.merge(other.state().await?).await?;
    }
    Ok(())
}

/// Waits until something holds for every node, and says how long that took.
async fn settle(
    nodes: &BTreeMap<SocketAddr, Node>,
    holds: impl Fn(&membership::Members) -> bool,
) -> anyhow::Result<Duration> {
    let begin = clock::now();
    for node in nodes.values() {
        let mut members = node.handle.members();
        timeout(PATIENCE, members.wait_for(|members| holds(members)))
            .await
            .context("the nodes do not settle")?
            .context("a node has ended")?;
    }
    Ok(clock::now().duration_since(begin))
}

async fn traffic(nodes: &BTreeMap<SocketAddr, Node>) -> anyhow::Result<Traffic> {
    let mut sum = Traffic::default();
    for node in nodes.values() {
        let traffic = node.handle.traffic().await?;
        sum.sent += traffic.sent;
        sum.sent_bytes += traffic.sent_bytes;
        for (reason, count) in traffic.rejected {
            *sum.rejected.entry(reason).or_default() += count;
        }
    }
    Ok(sum)
}
