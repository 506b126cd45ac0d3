//! The membership of a large cluster in virtual time.
//!
//! The machine's speed does not matter, and a seed gives the same figures every time.

use std::time::Duration;

use anyhow::Context as _;
use demo_node::membership::{Event, Gossip};
use simulation::membership::{self, Simulation, node};

use super::{PATIENCE, report, tell};

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(3..))]
    size: u16,
    /// The seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The share of datagrams that is lost while the cluster is watched
    #[arg(long, default_value_t = 0.02)]
    loss: f64,
    /// How long to watch it, in seconds
    #[arg(long, default_value_t = 30)]
    watch: u64,
}

/// Starts all nodes at once, loses datagrams, kills a node, lets one leave.
///
/// # Errors
///
/// If an expected state is never reached.
pub fn measure(options: &Options) -> anyhow::Result<()> {
    let size = options.size;
    let everyone = usize::from(size);
    let mut cluster = Simulation::new(membership::Options {
        seed: options.seed,
        look_every: Duration::from_millis(100),
        ..membership::Options::default()
    });

    cluster.start_all(size);
    report("all started after", cluster.elapsed());
    let took = cluster
        .run_until(PATIENCE, |cluster| cluster.agree(everyone))
        .context("the nodes do not form one cluster")?;
    report("each sees all others after", took);

    // News about so many new members is passed on for a while after all have heard it.
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
    tell("traffic of each node then", format!("{rate:.0} B/s"));

    cluster.lose(options.loss);
    let alarms = alarms(&cluster);
    let before = sent(&cluster);
    let watch = Duration::from_secs(options.watch);
    cluster.run_for(watch);
    let rate = per_second(sent(&cluster) - before, watch, size);
    let alarms = self::alarms(&cluster) - alarms;
    tell(&format!("with {} of all datagrams lost:", options.loss), "");
    tell("  traffic of each node", format!("{rate:.0} B/s"));
    tell("  false alarms, of all nodes together", alarms);
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
    report("one that leaves is gone from every view after", left);
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

/// How many times a node has considered another unreachable or dead.
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
