//! What goes wrong in one simulated formation: drawn from its seed, within the limits of a promise.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use demo_node::bootstrap::expected::Told;
use rand::{Rng, RngExt, seq::IteratorRandom};

use super::hosts::Host;

const SECOND: Duration = Duration::from_secs(1);

/// The assumptions under which there is only ever one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// The number of expected nodes is known, and fewer than twice the quorum's number of processes
    /// ever take part. Everything else may go wrong: what AWS lists may be arbitrarily wrong,
    /// messages may be lost, delayed, repeated and reordered, processes may crash and come back,
    /// and the network may split.
    Expected,
    /// The number is not known. A lookup that counts as complete is out of date by less than the stable margin, less
    /// a lookup interval and the time to form; and no process crashes while a cluster forms. Lookups may fail or be
    /// partial, messages be lost, delayed, repeated and reordered, the network may split, and nodes that AWS does not
    /// list may look for the same service.
    Unknown,
}

/// What stays wrong for a whole run, with the number of expected nodes known. All nodes that can be in one cluster must
/// be in it at the end, however long that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Adverse {
    /// Each list that counts as complete has a random part of the processes.
    AnyList,
    /// One node may not form a cluster, or does not get the number of expected nodes, or never sees some of the
    /// others.
    Impaired,
    /// Nodes get different numbers of expected nodes, within the limits that ARCHITECTURE.md gives.
    Numbers,
    /// One node's clock is wrong by a minute to a day. That node cannot be in the cluster.
    Clocks,
    /// Each node is listed under two addresses.
    DualListing,
    /// AWS lists a task that never gets an address: no list is complete.
    NeverReady,
}

/// What one node cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Impairment {
    MayNotFound,
    IsNotTold,
    IsBlind,
}

/// A rule left out on purpose, to show that it is needed and that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// All rules are in force.
    None,
    /// A partial view may form a cluster.
    PartialMayFound,
    /// A node that its own view does not list may form a cluster.
    OutsideOwnViewMayFound,
    /// The number of expected nodes does not count.
    ExpectedNodesIgnored,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub struct Faults {
    /// When which host starts a process.
    pub(super) starts: Vec<(Duration, Host)>,
    /// When which host loses its process.
    pub(super) crashes: Vec<(Duration, Host)>,
    /// When all faults end.
    pub(super) until: Duration,
    pub(super) told: Told,
    pub(super) participants: Option<usize>,
    /// How old a list may be.
    pub(super) staleness: Duration,
    pub(super) failing_lookups: f64,
    pub(super) partial_lookups: f64,
    /// How many contact points the first page of the list has: random ones, different each time.
    pub(super) page: usize,
    /// The hosts that a node's partial lookups miss.
    pub(super) blind: BTreeMap<Host, BTreeSet<Host>>,
    /// Hosts that AWS never lists: they look for this service without belonging to it.
    pub(super) unlisted: BTreeSet<Host>,
    pub(super) loss: f64,
    pub(super) repetition: f64,
    /// The longest one-way delay.
    pub(super) delay: Duration,
    pub(super) splits: Vec<Split>,
    pub(super) second_fleet: Option<Fleet>,
    pub(super) lasting: Lasting,
}

/// A second fleet: as many nodes as expected, started next to nodes that are already one cluster.
#[derive(Debug, Clone)]
pub(super) struct Fleet {
    /// How long after the first cluster which host starts a process.
    pub(super) starts: Vec<(Duration, Host)>,
    /// How long faults last then.
    pub(super) troubled: Duration,
    /// Whether it cannot reach the others in that time.
    pub(super) cut_off: bool,
}

/// What a second fleet sees of the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// Every lookup that succeeds returns all running tasks, on one page.
    Whole,
    /// Lists are partial, and may contain no task of the first fleet.
    Partial,
}

/// What does not end with the other faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Lasting {
    pub(super) any_list: bool,
    pub(super) impaired: Option<(Host, Impairment)>,
    /// The hosts that get another number than the others, and that number.
    pub(super) numbers: BTreeMap<Host, usize>,
    /// The host whose clock is wrong, and how far it is ahead, in milliseconds.
    pub(super) clock: Option<(Host, i64)>,
    pub(super) dual_listing: bool,
    pub(super) never_ready: bool,
}

/// A time in which some hosts cannot reach the others.
#[derive(Debug, Clone)]
pub(super) struct Split {
    from: Duration,
    to: Duration,
    apart: BTreeSet<Host>,
}

impl Split {
    pub(super) fn separates(&self, now: Duration, one: Host, other: Host) -> bool {
        (self.from..self.to).contains(&now)
            && self.apart.contains(&one) != self.apart.contains(&other)
    }
}

impl Fleet {
    /// The split that keeps it from the others.
    pub(super) fn apart(&self, from: Duration, to: Duration) -> Split {
        let apart = self.starts.iter().map(|(_, host)| *host).collect();
        Split { from, to, apart }
    }
}

fn up_to(rng: &mut impl Rng, most: Duration) -> Duration {
    most.mul_f64(rng.random())
}

impl Faults {
    /// Draws the faults of one run.
    pub(super) fn draw(promise: Promise, rng: &mut impl Rng) -> Self {
        let nodes: Host = rng.random_range(2..=9);
        let until = Duration::from_secs(rng.random_range(1..25));
        let spread = if rng.random() {
            Duration::ZERO
        } else {
            until / 2
        };
        let mut starts: Vec<_> = (1..=nodes).map(|host| (up_to(rng, spread), host)).collect();
        let (crashes, told, participants) = match promise {
            Promise::Expected => {
                let majority = usize::from(nodes) / 2 + 1;
                // Either more must consent, to allow for that many replacements, or there are so few replacements
                // that the majority of the expected nodes is enough. Two quorums always overlap.
                let more = rng.random();
                let most = if more {
                    nodes.saturating_sub(2)
                } else {
                    Host::try_from(2 * majority - 1).unwrap_or(nodes) - nodes
                };
                let (crashes, replacements) = replacements(nodes, most, until, &starts, rng);
                starts.extend(replacements);
                let participants = if more {
                    Some(starts.len())
                } else if rng.random() {
                    Some(1)
                } else {
                    None
                };
                (crashes, Told::Nodes(nodes.into()), participants)
            }
            Promise::Unknown => {
                // A node that waits for the number forms a cluster later, when few faults are left; so this is drawn
                // less often.
                let told = match rng.random_range(0..8) {
                    0 => Told::Nothing,
                    1 => Told::Unanswered,
                    _ => Told::Never,
                };
                (Vec::new(), told, None)
            }
        };
        let unlisted = match promise {
            Promise::Expected => BTreeSet::new(),
            Promise::Unknown => unlisted(nodes, rng),
        };
        let blind = blind(nodes, rng);
        let staleness = match promise {
            Promise::Expected => up_to(rng, until),
            // The stable margin of 5 s, less a lookup interval with its jitter and latency, less the time to form.
            Promise::Unknown => up_to(rng, 2 * SECOND),
        };
        let splits = (0..rng.random_range(0..3))
            .map(|_| {
                let from = up_to(rng, until);
                let apart = rng.random_range(1..=nodes);
                Split {
                    from,
                    to: (from + up_to(rng, until)).min(until),
                    apart: (1..=2 * nodes)
                        .sample(rng, apart.into())
                        .into_iter()
                        .collect(),
                }
            })
            .collect();
        Self {
            starts,
            crashes,
            until,
            told,
            participants,
            staleness,
            failing_lookups: rng.random_range(0.0..0.5),
            partial_lookups: if rng.random_bool(0.4) {
                1.0
            } else {
                rng.random_range(0.0..0.5)
            },
            page: if rng.random() {
                usize::MAX
            } else {
                rng.random_range(1..=5)
            },
            blind,
            unlisted,
            loss: if rng.random() {
                0.05
            } else {
                rng.random_range(0.0..0.4)
            },
            repetition: rng.random_range(0.0..0.3),
            delay: up_to(rng, SECOND / 2),
            splits,
            second_fleet: None,
            lasting: Lasting::default(),
        }
    }

    /// Draws the faults of one run with a second fleet, which may be cut off from the first one. Nothing crashes.
    pub(super) fn draw_fleets(lists: Lists, rng: &mut impl Rng) -> Self {
        let mut faults = Self::draw(Promise::Expected, rng);
        let nodes: Host = rng.random_range(1..=6);
        faults.crashes.clear();
        faults.participants = None;
        faults.starts = (1..=nodes).map(|host| (Duration::ZERO, host)).collect();
        faults.told = Told::Nodes(nodes.into());
        faults.staleness = Duration::ZERO;
        faults.partial_lookups = 0.0;
        // A node that reads only the first page forgets others that do not answer and are not on that page.
        faults.page = usize::MAX;
        let second = nodes + 1..=2 * nodes;
        if lists == Lists::Partial {
            faults.partial_lookups = 1.0;
            let first: BTreeSet<_> = (1..=nodes).collect();
            faults.blind = second.clone().map(|host| (host, first.clone())).collect();
        }
        let spread = SECOND.mul_f64(rng.random_range(0.0..5.0));
        faults.second_fleet = Some(Fleet {
            starts: second.map(|host| (up_to(rng, spread), host)).collect(),
            troubled: SECOND * rng.random_range(5..60),
            cut_off: rng.random(),
        });
        faults
    }

    /// Draws the faults of one run in which something stays wrong. Nothing crashes: the lasting fault is enough.
    pub(super) fn draw_adverse(adverse: Adverse, rng: &mut impl Rng) -> Self {
        let mut faults = Self::draw(Promise::Expected, rng);
        let fewest: Host = match adverse {
            // With two nodes, both must consent.
            Adverse::Clocks => 3,
            Adverse::AnyList
            | Adverse::Impaired
            | Adverse::Numbers
            | Adverse::DualListing
            | Adverse::NeverReady => 2,
        };
        let nodes = rng.random_range(fewest..=9);
        faults.crashes.clear();
        faults.participants = None;
        faults.starts = (1..=nodes)
            .map(|host| (up_to(rng, faults.until / 2), host))
            .collect();
        faults.told = Told::Nodes(nodes.into());
        faults.blind = blind(nodes, rng);
        faults.lasting = Lasting::draw(adverse, nodes, rng);
        faults
    }
}

impl Lasting {
    fn draw(adverse: Adverse, nodes: Host, rng: &mut impl Rng) -> Self {
        let one = rng.random_range(1..=nodes);
        let mut lasting = Self::default();
        match adverse {
            Adverse::AnyList => lasting.any_list = true,
            Adverse::Impaired => {
                let impairment = match rng.random_range(0..3) {
                    0 => Impairment::MayNotFound,
                    1 => Impairment::IsNotTold,
                    _ => Impairment::IsBlind,
                };
                lasting.impaired = Some((one, impairment));
            }
            Adverse::Numbers => {
                let all = usize::from(nodes);
                let (lower, holders) = if rng.random() {
                    // Scaled by one: there are no more processes than the highest number.
                    (all - 1, rng.random_range(1..all))
                } else {
                    // Too few of them to form a cluster alone.
                    let lower = rng.random_range(1..=all);
                    (lower, rng.random_range(0..=lower / 2))
                };
                let holders = (1..=nodes).sample(rng, holders);
                lasting.numbers = holders.into_iter().map(|host| (host, lower)).collect();
            }
            Adverse::Clocks => {
                let off = rng.random_range(60_000..86_400_000);
                lasting.clock = Some((one, if rng.random() { off } else { -off }));
            }
            Adverse::DualListing => lasting.dual_listing = true,
            Adverse::NeverReady => lasting.never_ready = true,
        }
        lasting
    }
}

/// The hosts that AWS does not list: none, a few, or all but two.
fn unlisted(nodes: Host, rng: &mut impl Rng) -> BTreeSet<Host> {
    let most = nodes.saturating_sub(2);
    let count = match rng.random_range(0..3) {
        0 => 0,
        1 => rng.random_range(0..=most),
        _ => return (1..=most).collect(),
    };
    (1..=nodes).sample(rng, count.into()).into_iter().collect()
}

/// The hosts that each node's partial lookups miss: a few, or the other half of the cluster.
fn blind(nodes: Host, rng: &mut impl Rng) -> BTreeMap<Host, BTreeSet<Host>> {
    let halves: bool = rng.random();
    (1..=2 * nodes)
        .map(|viewer| {
            let missed = if halves {
                (1..=2 * nodes)
                    .filter(|host| host % 2 != viewer % 2)
                    .collect()
            } else {
                let count = rng.random_range(0..=nodes);
                (1..=2 * nodes)
                    .sample(rng, count.into())
                    .into_iter()
                    .collect()
            };
            (viewer, missed)
        })
        .collect()
}

type Timed = Vec<(Duration, Host)>;

/// Crashes, each followed by a new process at the same address or another. So few that the nodes that live at the end
/// are still enough to consent.
fn replacements(
    nodes: Host,
    most: Host,
    until: Duration,
    starts: &[(Duration, Host)],
    rng: &mut impl Rng,
) -> (Timed, Timed) {
    let (mut crashes, mut replaced) = (Vec::new(), Vec::new());
    let count = if most == 0 {
        0
    } else {
        rng.random_range(0..=most)
    };
    for (number, (started, host)) in starts
        .iter()
        .sample(rng, count.into())
        .into_iter()
        .enumerate()
    {
        let crash = *started + up_to(rng, until.saturating_sub(*started));
        crashes.push((crash, *host));
        let elsewhere = nodes + 1 + u8::try_from(number).unwrap_or(u8::MAX);
        let at = if rng.random() { *host } else { elsewhere };
        replaced.push((crash + up_to(rng, SECOND), at));
    }
    (crashes, replaced)
}
