//! AWS as it looks to a service of many nodes: a list of tasks, and calls that it grants or throttles.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// A node's number. Neither its address nor its place in the list follows from it.
pub(super) type Node = u16;

/// ECS, "Request throttling for the Amazon ECS API": cluster resource reads, the burst and the sustained rate.
const BURST: f64 = 100.0;
const PER_SECOND: f64 = 20.0;

/// The most that ECS puts on one page.
pub(super) const PAGE: usize = 100;

/// One account.
#[derive(Debug)]
pub(super) struct Aws {
    tokens: f64,
    filled_at: Instant,
    pub(super) granted: u64,
    pub(super) attempted: u64,
    /// The running tasks, in the order in which they are listed: none that means anything.
    listed: BTreeSet<(u64, Node)>,
    pub(super) desired: usize,
}

impl Aws {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            filled_at: now,
            granted: 0,
            attempted: 0,
            listed: BTreeSet::new(),
            desired: 0,
        }
    }

    /// Whether AWS takes a call now.
    pub(super) fn grants(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled_at);
        self.tokens = BURST.min(self.tokens + passed.as_secs_f64() * PER_SECOND);
        self.filled_at = now;
        self.attempted += 1;
        let granted = 1.0 <= self.tokens;
        if granted {
            self.tokens -= 1.0;
            self.granted += 1;
        }
        granted
    }

    pub(super) fn runs(&mut self, task: Node, arn: u64) {
        self.listed.insert((arn, task));
    }

    pub(super) fn pages(&self) -> usize {
        self.listed.len().div_ceil(PAGE)
    }

    /// One page, and whether there are more.
    pub(super) fn page(&self, number: usize) -> (Vec<Node>, bool) {
        let page = self.listed.iter().skip(number * PAGE).take(PAGE);
        let tasks = page.map(|(_, task)| *task).collect();
        (tasks, (number + 1) * PAGE < self.listed.len())
    }
}
