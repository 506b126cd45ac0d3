//! How one simulated formation went.

use std::{collections::BTreeSet, fmt, time::Duration};

use demo_node::cluster::ClusterId;

/// How one simulated formation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The seed that repeats it.
    pub seed: u64,
    /// The clusters that were ever formed.
    pub clusters: BTreeSet<ClusterId>,
    /// Whether all living nodes were members of one cluster at the end.
    pub converged: bool,
    /// How long that took from the end of the faults, in virtual time.
    pub took: Duration,
    /// The faults that happened.
    pub injected: Injected,
}

/// Faults that actually happened in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Injected {
    /// Processes that took part.
    pub processes: u64,
    /// Processes that crashed.
    pub crashes: u64,
    /// Lookups that failed.
    pub failed_lookups: u64,
    /// Lookups that were partial.
    pub partial_lookups: u64,
    /// Lookups that counted as complete, but missed a running task or listed a dead one.
    pub stale_lookups: u64,
    /// Messages lost.
    pub lost: u64,
    /// Messages repeated.
    pub repeated: u64,
    /// Messages that did not arrive because of a split.
    pub cut: u64,
}

impl Run {
    /// Only one cluster was ever formed, and all living nodes are in it at the end.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.clusters.len() == 1 && self.converged
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let converged = if self.converged {
            ""
        } else {
            ", not all of them in one in the end"
        };
        write!(
            f,
            "seed {}: {} clusters started{converged}",
            self.seed,
            self.clusters.len()
        )
    }
}

impl std::ops::AddAssign for Injected {
    fn add_assign(&mut self, other: Self) {
        self.processes += other.processes;
        self.crashes += other.crashes;
        self.failed_lookups += other.failed_lookups;
        self.partial_lookups += other.partial_lookups;
        self.stale_lookups += other.stale_lookups;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.cut += other.cut;
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} processes, {} crashes; lookups: {} failed, {} partial, {} stale; messages: {} lost, \
             {} repeated, {} cut off by a split",
            self.processes,
            self.crashes,
            self.failed_lookups,
            self.partial_lookups,
            self.stale_lookups,
            self.lost,
            self.repeated,
            self.cut
        )
    }
}
