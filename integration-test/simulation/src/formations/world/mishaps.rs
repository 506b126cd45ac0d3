//! What goes wrong with messages and lookups, by chance.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use demo_node::bootstrap::{clocks::Skew, expected::Told, state::View};
use discovery::Extent;
use rand::{RngExt, seq::IteratorRandom};

use super::{SECOND, World};
use crate::formations::{
    faults::{Impairment, Mutation},
    hosts::{Host, contact_point, other_contact_point},
};

/// When simulated time begins: milliseconds since 1970.
const EPOCH: u64 = 1_800_000_000_000;

impl World {
    /// The number of expected nodes that the platform gives to a node.
    pub(super) fn told(&self, host: Host) -> Told {
        let lasting = &self.faults.lasting;
        if lasting.impaired == Some((host, Impairment::IsNotTold)) {
            return Told::Throttled;
        }
        lasting
            .numbers
            .get(&host)
            .map_or(self.faults.told, |number| Told::Nodes(*number))
    }

    /// A host's wall clock, in milliseconds since 1970.
    pub(super) fn clock(&self, host: Host) -> u64 {
        let elapsed = self.now.saturating_duration_since(self.began).as_millis();
        let right = EPOCH + u64::try_from(elapsed).unwrap_or(u64::MAX);
        match self.faults.lasting.clock {
            Some((wrong, ahead)) if wrong == host => right.saturating_add_signed(ahead),
            Some(_) | None => right,
        }
    }

    /// How far the clock of `other` is ahead of that of `one`.
    pub(super) fn skew(&self, one: Host, other: Host) -> Skew {
        let ours = self.clock(one);
        Skew::of(self.clock(other), ours, ours)
    }

    fn is_calm(&self) -> bool {
        self.began + self.faults.until <= self.now
    }

    fn chance(&mut self, probability: f64) -> bool {
        !self.is_calm() && self.rng.random_bool(probability)
    }

    pub(super) fn is_lost(&mut self) -> bool {
        let lost = self.chance(self.faults.loss);
        self.outcome.injected.lost += u64::from(lost);
        lost
    }

    pub(super) fn is_repeated(&mut self) -> bool {
        let repeated = self.chance(self.faults.repetition);
        self.outcome.injected.repeated += u64::from(repeated);
        repeated
    }

    pub(super) fn is_cut(&mut self, one: Host, other: Host) -> bool {
        let now = self.now.saturating_duration_since(self.began);
        let cut = self
            .faults
            .splits
            .iter()
            .any(|split| split.separates(now, one, other));
        self.outcome.injected.cut += u64::from(cut);
        cut
    }

    pub(super) fn delay(&mut self) -> Duration {
        let most = if self.is_calm() {
            SECOND / 100
        } else {
            self.faults.delay
        };
        most.mul_f64(self.rng.random())
    }

    /// The list that AWS returns to a node now.
    pub(super) fn look_up(&mut self, me: Host, extent: Extent) -> View {
        if self.chance(self.faults.failing_lookups) {
            self.outcome.injected.failed_lookups += 1;
            return View::Failed;
        }
        let age = if self.is_calm() {
            Duration::ZERO
        } else {
            self.faults.staleness.mul_f64(self.rng.random())
        };
        let as_of = self
            .now
            .checked_sub(age)
            .unwrap_or(self.began)
            .max(self.began);
        let listed_at = |at: Instant| -> BTreeSet<Host> {
            self.tasks
                .iter()
                .filter(|(_, started, ended)| {
                    *started <= at && ended.is_none_or(|ended| at < ended)
                })
                .map(|(host, ..)| *host)
                .filter(|host| !self.faults.unlisted.contains(host))
                .collect()
        };
        let mut listed = listed_at(as_of);
        if listed != listed_at(self.now) {
            self.outcome.injected.stale_lookups += 1;
        }
        let lasting = &self.faults.lasting;
        let mut complete = !lasting.never_ready;
        let is_blind = lasting.impaired == Some((me, Impairment::IsBlind));
        if lasting.any_list {
            let count = self.rng.random_range(0..=listed.len());
            listed = listed
                .into_iter()
                .sample(&mut self.rng, count)
                .into_iter()
                .collect();
        }
        if self.chance(self.faults.partial_lookups) || is_blind {
            self.outcome.injected.partial_lookups += 1;
            complete = false;
            let blind = self.faults.blind.get(&me);
            listed.retain(|host| !blind.is_some_and(|blind| blind.contains(host)));
        }
        match self.mutation {
            Mutation::None | Mutation::ExpectedNodesIgnored => {}
            Mutation::PartialMayFound => complete = true,
            Mutation::OutsideOwnViewMayFound => {
                listed.insert(me);
            }
        }
        let others = listed
            .iter()
            .filter(|_| self.faults.lasting.dual_listing)
            .map(|host| other_contact_point(*host));
        let contact_points = listed.iter().copied().map(contact_point).chain(others);
        let contact_points: BTreeSet<_> = contact_points.collect();
        if extent == Extent::FirstPage && self.faults.page < contact_points.len() {
            let page = contact_points.into_iter();
            let page = page.sample(&mut self.rng, self.faults.page);
            let me =
                (self.mutation == Mutation::OutsideOwnViewMayFound).then_some(contact_point(me));
            View::Partial {
                contact_points: page.into_iter().chain(me).collect(),
                hindered: false,
                more_pages: true,
            }
        } else if complete {
            View::Complete(contact_points)
        } else {
            let hindered = self.rng.random() && !self.is_calm();
            View::Partial {
                contact_points,
                hindered,
                more_pages: false,
            }
        }
    }
}
