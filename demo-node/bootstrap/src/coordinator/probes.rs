//! Which contact points to probe, and when.

use std::{collections::BTreeMap, time::Instant};

use crate::{ContactPoint, pacing::Schedule};

/// The contact points that are being probed, or will be.
#[derive(Debug, Clone, Default)]
pub(super) struct Probes {
    schedules: BTreeMap<ContactPoint, Schedule>,
    /// No probe is due before this, so that a turn need not look at all of a thousand.
    next: Option<Instant>,
}

impl Probes {
    pub(super) fn len(&self) -> usize {
        self.schedules.len()
    }

    pub(super) fn contains(&self, point: ContactPoint) -> bool {
        self.schedules.contains_key(&point)
    }

    /// Probes this one at this time, instead of its planned time.
    pub(super) fn set(&mut self, point: ContactPoint, at: Instant) {
        self.schedules.insert(point, Schedule::Due(at));
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Probes this one at this time, unless a probe is planned anyway.
    pub(super) fn add(&mut self, point: ContactPoint, at: Instant) {
        if !self.contains(point) {
            self.set(point, at);
        }
    }

    /// Probes this one at this time, unless it is being probed.
    pub(super) fn hasten(&mut self, point: ContactPoint, at: Instant) {
        if self.schedules.get(&point) != Some(&Schedule::UnderWay) {
            self.set(point, at);
        }
    }

    pub(super) fn remove(&mut self, point: ContactPoint) {
        self.schedules.remove(&point);
    }

    /// Keeps those that are being probed, and of the others only these, at most `most` in total.
    pub(super) fn keep(&mut self, most: usize, is_to_probe: impl Fn(ContactPoint) -> bool) {
        let mut left = self.schedules.len();
        self.schedules.retain(|point, schedule| {
            let stays = *schedule == Schedule::UnderWay || is_to_probe(*point) && left <= most;
            left -= usize::from(!stays);
            stays
        });
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The earliest time at which the next may be due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Takes those that are due; from now on they are being probed.
    pub(super) fn fall_due(&mut self, now: Instant) -> Vec<ContactPoint> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let mut due = Vec::new();
        for (point, schedule) in &mut self.schedules {
            if schedule.fall_due(now) {
                due.push(*point);
            }
        }
        self.next = self
            .schedules
            .values()
            .filter_map(|schedule| schedule.due_at())
            .min();
        due
    }
}
