//! How a run went.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::invariants::Broken;

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The seed that repeats it.
    pub seed: u64,
    /// Whether it is one of [`run_beyond`](super::run_beyond).
    pub beyond: bool,
    /// What happens in it.
    pub plan: String,
    /// Which invariant was broken, if any, and when.
    pub broken: Option<(Duration, Broken)>,
    /// What every node saw, and what was done to them.
    pub log: Vec<String>,
    /// What was done.
    pub injected: Injected,
    /// The longest time that each kind of step took, in virtual time.
    pub took: BTreeMap<&'static str, Duration>,
    /// How long it ran, in virtual time.
    pub lasted: Duration,
    /// How many clusters were ever formed.
    pub clusters: usize,
}

/// The faults of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Injected {
    /// Processes that were started.
    pub processes: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Nodes that were asked to stop.
    pub departures: u64,
    /// Splits of the network.
    pub splits: u64,
    /// Links that failed in one direction.
    pub deafened: u64,
    /// Links that delayed all messages for a while.
    pub stalled: u64,
    /// Links that became slow.
    pub slow: u64,
    /// Links that lost messages.
    pub lossy: u64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((at, broken)) = &self.broken else {
            return write!(f, "seed {}: all invariants hold", self.seed);
        };
        writeln!(
            f,
            "seed {} breaks {} after {at:.1?}: {}",
            self.seed, broken.invariant, broken.how
        )?;
        write!(f, "{}", self.plan)?;
        let left_out = self.log.len().saturating_sub(LOG);
        for line in &self.log[left_out..] {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "again, with the whole log: cargo xtask simulate --whole-nodes{} --from {} --seeds 1 --show",
            if self.beyond { " --beyond" } else { "" },
            self.seed
        )
    }
}

/// How many lines of the log a failure shows.
const LOG: usize = 30;

impl std::ops::AddAssign for Injected {
    fn add_assign(&mut self, other: Self) {
        self.processes += other.processes;
        self.crashes += other.crashes;
        self.departures += other.departures;
        self.splits += other.splits;
        self.deafened += other.deafened;
        self.stalled += other.stalled;
        self.slow += other.slow;
        self.lossy += other.lossy;
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} processes, {} crashes, {} departures; {} splits; links: {} one-way, {} stalled, \
             {} slow, {} lossy",
            self.processes,
            self.crashes,
            self.departures,
            self.splits,
            self.deafened,
            self.stalled,
            self.slow,
            self.lossy
        )
    }
}
