//! What is planned for which time, without a clock.

use std::{collections::BTreeMap, time::Instant};

/// Planned actions, the earliest first; with the same time, the one that was planned first.
#[derive(Debug)]
pub(super) struct Timers<T> {
    /// By time, and by a number that counts up.
    due: BTreeMap<(Instant, u64), T>,
    scheduled: u64,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Self {
        Self {
            due: BTreeMap::new(),
            scheduled: 0,
        }
    }

    pub(super) fn schedule(&mut self, at: Instant, what: T) {
        self.scheduled += 1;
        self.due.insert((at, self.scheduled), what);
    }

    /// When the next action is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next due action.
    pub(super) fn due(&mut self, now: Instant) -> Option<T> {
        let next = self.due.first_entry()?;
        (next.key().0 <= now).then(|| next.remove())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_comes_out_in_the_order_of_time_and_then_of_scheduling() {
        let start = crate::clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut timers = Timers::new();
        for (millis, what) in [(30, 'd'), (10, 'a'), (20, 'b'), (20, 'c'), (40, 'e')] {
            timers.schedule(at(millis), what);
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.due(at(9)), None);
        let due: String = std::iter::from_fn(|| timers.due(at(30))).collect();
        assert_eq!(due, "abcd");
        assert_eq!(timers.next(), Some(at(40)));
    }
}
