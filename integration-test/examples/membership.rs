//! Measures the membership of a large cluster.
//!
//! `virtual` runs the protocol of all nodes in virtual time: the machine's speed does not matter, and
//! a seed gives the same figures every time. `real` runs the tasks of all nodes over UDP sockets on
//! the loopback, in real time: the figures are those of one machine doing the work of many.
//!
//! ```text
//! cargo run --package integration-test --example membership -- virtual --size 200
//! cargo run --package integration-test --example membership -- real --size 200
//! ```
#![expect(clippy::print_stdout, reason = "figures are what the program is for")]

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use demo_node::{
    clock,
    cluster::{ClusterId, Formation, NodeUid},
    membership::{
        self, Broken, Departure, Environment, Event, Gossip, Handle, Settings, Timing, Traffic,
    },
    seal::Keyring,
};
use integration_test::simulation::{Options, Simulation, node};
use tokio::{
    net::UdpSocket,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a secret that only this measurement has";

/// How long anything may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Parser)]
#[command(about = "Measures the membership of a large cluster")]
struct Program {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// In virtual time, without sockets
    Virtual(Virtual),
    /// In real time, over UDP on the loopback
    Real(Real),
}

#[derive(Args)]
struct Virtual {
    /// How many nodes
    #[arg(long, default_value_t = 200)]
    size: u16,
    /// What everything random follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What part of all datagrams is lost while the cluster is watched
    #[arg(long, default_value_t = 0.02)]
    loss: f64,
    /// For how many seconds it is watched
    #[arg(long, default_value_t = 30)]
    watch: u64,
}

#[derive(Args)]
struct Real {
    /// How many nodes
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// For how many seconds the cluster is watched when nothing happens
    #[arg(long, default_value_t = 20)]
    watch: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Program::parse().mode {
        Mode::Virtual(options) => measure_virtual(&options),
        Mode::Real(options) => measure_real(&options).await,
    }
}

fn measure_virtual(options: &Virtual) -> anyhow::Result<()> {
    let size = options.size;
    let everyone = usize::from(size);
    let mut cluster = Simulation::new(Options {
        seed: options.seed,
        look_every: Duration::from_millis(100),
        ..Options::default()
    });

    cluster.start_all(size);
    report("all started after", cluster.elapsed());
    let took = cluster
        .run_until(PATIENCE, |cluster| cluster.agree(everyone))
        .context("the nodes do not find together")?;
    report("each sees all others after", took);

    // News of so many newcomers is passed on for a while after everyone has heard it.
    let window = Duration::from_secs(5);
    let mut rate = f64::INFINITY;
    loop {
        let before = sent(&cluster);
        cluster.run_for(window);
        let now = per_second(sent(&cluster) - before, window, size);
        let last = std::mem::replace(&mut rate, now);
        if last < 1.1 * rate {
            break;
        }
    }
    report("at rest after", cluster.elapsed());
    println!("{:<42}{rate:>9.0} B/s", "traffic of each node then");

    cluster.lose(options.loss);
    let alarms = alarms(&cluster);
    let before = sent(&cluster);
    let watch = Duration::from_secs(options.watch);
    cluster.run_for(watch);
    let rate = per_second(sent(&cluster) - before, watch, size);
    let alarms = self::alarms(&cluster) - alarms;
    println!("with {} of all datagrams lost:", options.loss);
    println!("{:<42}{rate:>9.0} B/s", "  traffic of each node");
    println!("{:<42}{alarms:>9}", "  false alarms seen, by all together");
    cluster.lose(0.0);
    cluster.run_for(Duration::from_secs(10));

    let victim = node(size / 2);
    cluster.kill(victim);
    let unreachable = cluster
        .run_until(PATIENCE, |cluster| {
            cluster
                .views()
                .all(|view| !view.members.get(&victim).is_some_and(|m| m.reachable))
        })
        .context("a dead node is not noticed")?;
    report("a killed node is unreachable to all after", unreachable);
    let removed = cluster
        .run_until(PATIENCE, |cluster| cluster.agree(everyone - 1))
        .context("a dead node is not removed")?;
    report("and removed after", unreachable + removed);

    let leaver = node(size / 3);
    cluster.with(leaver, Gossip::leave);
    let left = cluster
        .run_until(PATIENCE, |cluster| {
            cluster
                .views()
                .all(|view| !view.members.contains_key(&leaver))
        })
        .context("a departure is not noticed")?;
    report("one that leaves is gone for all after", left);
    Ok(())
}

fn per_second(bytes: u64, window: Duration, nodes: u16) -> f64 {
    bytes as f64 / window.as_secs_f64() / f64::from(nodes)
}

fn sent(cluster: &Simulation) -> u64 {
    let nodes = cluster.running();
    nodes
        .into_iter()
        .map(|node| cluster.traffic(node).sent_bytes)
        .sum()
}

/// How many times some node has taken another for unreachable or dead.
fn alarms(cluster: &Simulation) -> usize {
    let nodes = cluster.running();
    nodes
        .into_iter()
        .flat_map(|node| cluster.log(node))
        .filter(|(_, event)| is_alarm(event))
        .count()
}

fn is_alarm(event: &Event) -> bool {
    match event {
        Event::UnreachableMember(_) | Event::MemberRemoved { .. } => true,
        Event::MemberJoined(_)
        | Event::MemberUp(_)
        | Event::MemberLeft(_)
        | Event::ReachableMember(_)
        | Event::LeaderChanged(_) => false,
    }
}

/// A running node of the cluster in real time.
struct Node {
    handle: Handle,
    stop: CancellationToken,
}

async fn measure_real(options: &Real) -> anyhow::Result<()> {
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
    println!("{:<42}{bytes:>9.0} B/s", "traffic of each node after that");
    let datagrams = rate(after.sent - before.sent);
    println!("{:<42}{datagrams:>9.1} /s", "datagrams of each node");
    println!("{:<42}{:>9?}", "datagrams rejected, by all", after.rejected);
    let state = first.state().await?.len();
    println!("{:<42}{state:>9} B", "size of the full state");

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
    let settings = Settings {
        cluster: "measured".parse()?,
        node: address,
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

fn report(what: &str, took: Duration) {
    println!("{what:<42}{:>9.2} s", took.as_secs_f64());
}
