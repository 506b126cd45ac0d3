//! What happens in one simulated life of a cluster: drawn from its seed, within the limits of the promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng, seq::IteratorRandom};

/// A machine: the last number of its address.
pub(super) type Host = u8;

const SECOND: Duration = Duration::from_secs(1);

/// Everything that happens in one run.
#[derive(Debug)]
pub(super) struct Plan {
    /// How many machines there are; as many nodes are expected.
    pub(super) nodes: Host,
    /// How many contact points must be found, and how many must consent.
    pub(super) required: usize,
    /// The machines that discovery returns to each of them.
    pub(super) lists: BTreeMap<Host, BTreeSet<Host>>,
    /// Whether it also returns a machine on which an attacker without the key answers.
    pub(super) stranger: bool,
    /// The longest time that a message takes without faults.
    pub(super) latency: Duration,
    /// While the cluster forms.
    pub(super) formation: Storm,
    /// One after the other, each once the cluster is at rest again.
    pub(super) acts: Vec<Act>,
    /// After all acts, in some runs.
    pub(super) beyond: Option<Beyond>,
}

/// More processes take part in forming a cluster than the guarantee covers.
#[derive(Debug)]
pub(super) struct Beyond {
    /// Members that are cut off.
    pub(super) cut_off: BTreeSet<Host>,
    /// The others, a majority, which are replaced in that time.
    pub(super) replaced: BTreeSet<Host>,
    /// How long the new cluster exists until the network heals.
    pub(super) lasting: Duration,
}

/// Something that happens to a cluster at rest.
#[derive(Debug)]
pub(super) enum Act {
    /// A process dies; another starts in its place after it was removed.
    Kill(Host),
    /// A process dies; another starts at its address before the members are sure.
    Restart(Host, Duration),
    /// A node is asked to stop; another starts in its place later.
    Leave(Host, Duration),
    /// The network splits for so long that the sides remove each other's members.
    Split(BTreeSet<Host>, Duration),
    /// Several faults at once.
    Storm(Storm),
}

/// A time with faults. At its end the network has none and every machine has its node.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) lasting: Duration,
    /// In order.
    pub(super) changes: Vec<(Duration, Change)>,
}

/// Something that goes wrong, or gets better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A process starts.
    Start(Host),
    /// A process dies.
    Crash(Host),
    /// A node is asked to stop.
    Leave(Host),
    /// No message passes between these nodes and the others.
    Cut(BTreeSet<Host>),
    /// No message passes from the first of these to the second.
    Deafen(Host, Host),
    /// Messages between these two wait until this ends, and then arrive.
    Stall(Host, Host),
    /// Messages between these two take up to this time.
    Slow(Host, Host, Duration),
    /// This percentage of the messages between these two is lost.
    Lossy(Host, Host, u8),
    /// The network is without faults again.
    Mend,
}

impl Plan {
    /// Draws a run.
    pub(super) fn draw(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let rng = &mut rng;
        let nodes: Host = rng.random_range(2..=5);
        let restarts = rng.random_range(0..=nodes.saturating_sub(2));
        // More than half of all processes that take part: any two quorums overlap.
        let required = usize::from(nodes + restarts) / 2 + 1;
        // A quorum of restarted processes, which have forgotten everything, could form another cluster.
        let replaceable = Host::try_from(required).unwrap_or(Host::MAX) - 1;

        let mut starts = BTreeMap::new();
        let spread = up_to(rng, 4 * SECOND);
        for host in 1..=nodes {
            starts.insert(host, up_to(rng, spread));
        }
        let formation = Storm::draw(nodes, restarts, &starts, rng);
        let mut acts = vec![Act::Storm(Storm::draw(
            nodes,
            replaceable.min(nodes - 1),
            &BTreeMap::new(),
            rng,
        ))];
        for _ in 0..2 {
            acts.push(Act::draw(nodes, rng));
        }
        Self {
            nodes,
            required,
            lists: lists(nodes, required, rng),
            latency: Duration::from_millis(rng.random_range(2..=25)),
            formation,
            acts,
            stranger: rng.random(),
            beyond: None,
        }
    }

    /// Draws a run that goes beyond the guarantee once the cluster has formed.
    pub(super) fn draw_beyond(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let rng = &mut rng;
        let nodes: Host = rng.random_range(3..=5);
        let required = usize::from(nodes) / 2 + 1;
        let all: BTreeSet<Host> = (1..=nodes).collect();
        let changes = all
            .iter()
            .map(|host| (Duration::ZERO, Change::Start(*host)));
        let formation = Storm {
            lasting: SECOND,
            changes: changes.collect(),
        };
        let minority = rng.random_range(1..=all.len() - required);
        let cut_off = all.iter().copied().sample(rng, minority);
        let cut_off: BTreeSet<Host> = cut_off.into_iter().collect();
        Self {
            nodes,
            required,
            lists: all.iter().map(|host| (*host, all.clone())).collect(),
            latency: Duration::from_millis(rng.random_range(2..=25)),
            formation,
            acts: Vec::new(),
            // With one more contact point, the majority would have to be larger.
            stranger: false,
            beyond: Some(Beyond {
                replaced: &all - &cut_off,
                cut_off,
                lasting: up_to(rng, 60 * SECOND),
            }),
        }
    }
}

impl Act {
    fn draw(nodes: Host, rng: &mut impl Rng) -> Self {
        let host = rng.random_range(1..=nodes);
        match rng.random_range(0..4) {
            0 => Self::Kill(host),
            1 => Self::Restart(host, up_to(rng, 3 * SECOND)),
            2 => Self::Leave(host, up_to(rng, 3 * SECOND)),
            _ => {
                let apart = rng.random_range(1..nodes);
                let apart = (1..=nodes).sample(rng, apart.into()).into_iter().collect();
                Self::Split(apart, 12 * SECOND + up_to(rng, 4 * SECOND))
            }
        }
    }
}

impl Storm {
    /// This many processes are replaced in it; `starts` says when machines start their first process.
    fn draw(
        nodes: Host,
        replaced: Host,
        starts: &BTreeMap<Host, Duration>,
        rng: &mut impl Rng,
    ) -> Self {
        let lasting = 4 * SECOND + up_to(rng, 8 * SECOND);
        let mut changes: Vec<(Duration, Change)> = starts
            .iter()
            .map(|(host, at)| (*at, Change::Start(*host)))
            .collect();
        for host in (1..=nodes).sample(rng, replaced.into()) {
            let from = starts.get(&host).copied().unwrap_or_default();
            let end = from + up_to(rng, lasting.saturating_sub(from));
            let ended = if rng.random_bool(0.7) {
                Change::Crash(host)
            } else {
                Change::Leave(host)
            };
            changes.push((end, ended));
            changes.push((end + up_to(rng, 4 * SECOND), Change::Start(host)));
        }
        for _ in 0..rng.random_range(0..=5) {
            changes.push((up_to(rng, lasting), Change::draw(nodes, rng)));
        }
        changes.retain(|(at, _)| *at < lasting);
        changes.sort_by_key(|(at, _)| *at);
        Self { lasting, changes }
    }
}

impl Change {
    /// A fault or a change of the network.
    fn draw(nodes: Host, rng: &mut impl Rng) -> Self {
        let one = rng.random_range(1..=nodes);
        let other = 1 + (one - 1 + rng.random_range(1..nodes)) % nodes;
        match rng.random_range(0..7) {
            0 | 1 => {
                let apart = rng.random_range(1..nodes);
                Self::Cut((1..=nodes).sample(rng, apart.into()).into_iter().collect())
            }
            2 => Self::Deafen(one, other),
            3 => Self::Stall(one, other),
            4 => Self::Slow(one, other, up_to(rng, SECOND)),
            5 => Self::Lossy(one, other, rng.random_range(1..=50)),
            _ => Self::Mend,
        }
    }
}

/// Each sees itself and at least as many others as must consent; in half of the runs, all.
fn lists(nodes: Host, required: usize, rng: &mut impl Rng) -> BTreeMap<Host, BTreeSet<Host>> {
    let all: BTreeSet<Host> = (1..=nodes).collect();
    let whole: bool = rng.random();
    (1..=nodes)
        .map(|host| {
            let least = if whole { all.len() } else { required };
            let size = rng.random_range(least..=all.len());
            let others = all.iter().copied().filter(|other| *other != host);
            let mut list: BTreeSet<Host> = others.sample(rng, size - 1).into_iter().collect();
            list.insert(host);
            (host, list)
        })
        .collect()
}

fn up_to(rng: &mut impl Rng, most: Duration) -> Duration {
    most.mul_f64(rng.random())
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} nodes, {} must consent, messages take up to {:?}",
            self.nodes, self.required, self.latency
        )?;
        if self.stranger {
            writeln!(f, "discovery also names a stranger")?;
        }
        for (host, list) in &self.lists {
            if list.len() < self.nodes.into() {
                writeln!(f, "discovery names {list:?} to {host}")?;
            }
        }
        writeln!(f, "while it forms: {}", self.formation)?;
        for act in &self.acts {
            match act {
                Act::Storm(storm) => writeln!(f, "then: {storm}")?,
                Act::Kill(_) | Act::Restart(..) | Act::Leave(..) | Act::Split(..) => {
                    writeln!(f, "then: {act:.1?}")?;
                }
            }
        }
        if let Some(beyond) = &self.beyond {
            writeln!(f, "then: {beyond:.1?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1?} of", self.lasting)?;
        for (at, change) in &self.changes {
            write!(f, " {at:.1?} {change:.1?};")?;
        }
        Ok(())
    }
}
