//! One lookup, as its calls: pages are listed one after the other, and described at the same time.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use discovery::{Extent, OnThrottle};

use super::aws::{Group, Node, PAGE};

/// How long the description of a task is kept.
const SETTLED_FOR: Duration = Duration::from_secs(60);

/// The first pause and the longest, before a lookup that retries makes a throttled call again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(super) enum Call {
    List { page: usize, pause: Duration },
    Describe { tasks: Vec<Node>, pause: Duration },
    DescribeService,
}

impl Call {
    /// What it counts as.
    pub(super) fn group(&self) -> Group {
        match self {
            Self::List { .. } | Self::Describe { .. } => Group::Tasks,
            Self::DescribeService => Group::Service,
        }
    }
}

#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) number: u64,
    extent: Extent,
    on_throttle: OnThrottle,
    listing: bool,
    describing: usize,
    waiting: Vec<Node>,
    found: BTreeSet<Node>,
    more_pages: bool,
    /// Whether a task was listed that has no address yet.
    not_ready: bool,
    failed: bool,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    Complete(BTreeSet<Node>),
    Partial {
        found: BTreeSet<Node>,
        failed: bool,
        more_pages: bool,
    },
    Failed,
}

impl Lookup {
    pub(super) fn new(number: u64, extent: Extent, on_throttle: OnThrottle) -> (Self, Call) {
        let lookup = Self {
            number,
            extent,
            on_throttle,
            listing: true,
            describing: 0,
            waiting: Vec::new(),
            found: BTreeSet::new(),
            more_pages: false,
            not_ready: false,
            failed: false,
        };
        let pause = lookup.first_pause();
        (lookup, Call::List { page: 0, pause })
    }

    /// A page arrived. Returns what to ask next.
    pub(super) fn listed(
        &mut self,
        page: usize,
        (tasks, more): (Vec<Node>, bool),
        settled: &HashMap<Node, Instant>,
        now: Instant,
    ) -> Vec<Call> {
        for task in tasks {
            let is_settled = settled
                .get(&task)
                .is_some_and(|at| now.saturating_duration_since(*at) < SETTLED_FOR);
            if is_settled {
                self.found.insert(task);
            } else {
                self.waiting.push(task);
            }
        }
        self.listing = more && self.extent == Extent::Whole;
        self.more_pages = more && !self.listing;
        let next = self.listing.then_some(Call::List {
            page: page + 1,
            pause: self.first_pause(),
        });
        next.into_iter().chain(self.describe()).collect()
    }

    fn describe(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        while PAGE <= self.waiting.len() || !self.listing && !self.waiting.is_empty() {
            let count = PAGE.min(self.waiting.len());
            self.describing += 1;
            calls.push(Call::Describe {
                tasks: self.waiting.drain(..count).collect(),
                pause: self.first_pause(),
            });
        }
        calls
    }

    /// Tasks were described: these have an address; `all` says whether every one has.
    pub(super) fn described(&mut self, ready: Vec<Node>, all: bool) {
        self.describing -= 1;
        self.not_ready |= !all;
        self.found.extend(ready);
    }

    /// A call was throttled. Returns when to make it again, if at all.
    pub(super) fn throttled(&mut self, call: Call) -> (Option<(Duration, Call)>, Vec<Call>) {
        let later = |pause: Duration| LONGEST_PAUSE.min(pause * 2);
        let again = match call {
            Call::List { page, pause } if self.makes_again(page == 0) => {
                let call = Call::List {
                    page,
                    pause: later(pause),
                };
                Some((pause, call))
            }
            Call::Describe { tasks, pause } if self.makes_again(false) => {
                let call = Call::Describe {
                    tasks,
                    pause: later(pause),
                };
                Some((pause, call))
            }
            Call::List { .. } => {
                self.failed = true;
                self.listing = false;
                None
            }
            Call::Describe { .. } => {
                self.failed = true;
                self.describing -= 1;
                None
            }
            Call::DescribeService => None,
        };
        let describe = if again.is_none() {
            self.describe()
        } else {
            Vec::new()
        };
        (again, describe)
    }

    fn first_pause(&self) -> Duration {
        match self.on_throttle {
            OnThrottle::MakeAgain => FIRST_PAUSE,
            OnThrottle::GiveUp | OnThrottle::GoOn => LONGEST_PAUSE,
        }
    }

    fn makes_again(&self, is_first: bool) -> bool {
        match self.on_throttle {
            OnThrottle::GiveUp => false,
            OnThrottle::GoOn => !is_first,
            OnThrottle::MakeAgain => true,
        }
    }

    /// The lookup's time is over.
    pub(super) fn give_up(&mut self) {
        self.failed = true;
        self.listing = false;
        self.describing = 0;
        self.waiting.clear();
    }

    /// Whether it has ended, and how.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        if self.listing || 0 < self.describing {
            return None;
        }
        let found = std::mem::take(&mut self.found);
        let (failed, more_pages) = (self.failed, self.more_pages);
        Some(if failed && found.is_empty() {
            Ended::Failed
        } else if failed || more_pages || self.not_ready {
            Ended::Partial {
                found,
                failed,
                more_pages,
            }
        } else {
            Ended::Complete(found)
        })
    }
}
