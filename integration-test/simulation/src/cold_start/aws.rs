//! AWS as a service of many nodes sees it: a list of tasks, and calls that it grants or throttles.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// A node's number. Its address and its place in the list are independent of it.
pub(super) type Node = u16;

/// ECS, "Request throttling for the Amazon ECS API": burst and sustained rate, for cluster resource reads (the tasks)
/// and for service reads.
const BURST: f64 = 100.0;
const PER_SECOND: f64 = 20.0;

/// The most that ECS returns on one page.
pub(super) const PAGE: usize = 100;

/// One account.
#[derive(Debug)]
pub(super) struct Aws {
    /// How many calls about tasks are still granted.
    tasks: Bucket,
    /// How many calls about the service are still granted.
    service: Bucket,
    pub(super) granted: u64,
    pub(super) attempted: u64,
    /// The running tasks, in the order in which they are listed, which has no meaning.
    listed: BTreeSet<(u64, Node)>,
    pub(super) desired: usize,
}

/// The groups of actions that ECS throttles together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group {
    Tasks,
    Service,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self {
            tokens: BURST,
            filled_at: now,
        }
    }

    fn grants(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled_at);
        self.tokens = BURST.min(self.tokens + passed.as_secs_f64() * PER_SECOND);
        self.filled_at = now;
        let granted = 1.0 <= self.tokens;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

impl Aws {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tasks: Bucket::full(now),
            service: Bucket::full(now),
            granted: 0,
            attempted: 0,
            listed: BTreeSet::new(),
            desired: 0,
        }
    }

    /// Whether AWS accepts a call now.
    pub(super) fn grants(&mut self, group: Group, now: Instant) -> bool {
        let granted = match group {
            Group::Tasks => self.tasks.grants(now),
            Group::Service => self.service.grants(now),
        };
        self.attempted += 1;
        self.granted += u64::from(granted);
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
