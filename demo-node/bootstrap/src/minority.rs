//! Whether a member is on the smaller side of a split.
//!
//! Both sides of a split keep running with one cluster id. If the number of expected nodes is known, at most one side
//! reaches a majority of it; members on the others know that they are on a smaller side, and report it. This is
//! "static quorum" of Akka's and Pekko's split brain resolver, but with a number that is learnt.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{expected::Expectation, founding::majority};

/// Which members a member reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How many, itself included.
    pub reachable: usize,
    /// Whether some members do not answer, or were removed for that. Members that left are not missed.
    pub missing: bool,
}

/// A member reaches too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Minority {
    /// How many, itself included.
    pub reachable: usize,
    /// How many would be a majority of the expected nodes.
    pub majority: usize,
}

/// Since when a member reaches too few, if it does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Few(Option<(Instant, Minority)>);

impl Few {
    /// Notes which members the member reaches. Returns whether it has just become a minority.
    pub(super) fn observe(&mut self, now: Instant, reach: Reach, expected: Expectation) -> bool {
        let Expectation::Known(expected) = expected else {
            self.0 = None;
            return false;
        };
        let minority = Minority {
            reachable: reach.reachable,
            majority: majority(expected),
        };
        let few = reach.missing && minority.reachable < minority.majority;
        let since = self.since();
        self.0 = few.then_some((since.unwrap_or(now), minority));
        few && since.is_none()
    }

    /// Since when it reaches too few, if it does.
    pub(super) fn since(self) -> Option<Instant> {
        self.0.map(|(since, _)| since)
    }

    /// The minority, if it has been one for this long.
    pub(super) fn lasting(self, now: Instant, long: Duration) -> Option<Minority> {
        let (since, minority) = self.0?;
        (long <= now.saturating_duration_since(since)).then_some(minority)
    }

    /// When it will have been one for this long.
    pub(super) fn lasts_at(self, long: Duration) -> Option<Instant> {
        Some(self.0?.0 + long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LONG: Duration = Duration::from_secs(5);

    fn of(reachable: usize, missing: bool) -> Reach {
        Reach { reachable, missing }
    }

    #[test]
    fn at_most_one_side_of_any_split_is_none() {
        let now = clock::now();
        for expected in 1..=20 {
            for (one, other) in (0..=expected).map(|one| (one, expected - one)) {
                let is_few = |reachable| {
                    let mut few = Few::default();
                    few.observe(now, of(reachable, true), Expectation::Known(expected));
                    few.since().is_some()
                };
                assert!(is_few(one) || is_few(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn it_counts_when_it_has_lasted_and_ends_at_once() {
        let now = clock::now();
        let five = Expectation::Known(5);
        let mut few = Few::default();
        assert!(few.observe(now, of(2, true), five));
        assert_eq!(few.lasts_at(LONG), Some(now + LONG));
        assert!(!few.observe(now + LONG / 2, of(1, true), five));
        assert_eq!(few.lasting(now + LONG / 2, LONG), None);
        let minority = Minority {
            reachable: 1,
            majority: 3,
        };
        assert_eq!(few.lasting(now + LONG, LONG), Some(minority));
        assert!(!few.observe(now + LONG, of(3, true), five));
        assert_eq!(few.lasting(now + 2 * LONG, LONG), None);
    }

    #[test]
    fn who_is_left_behind_by_those_that_leave_is_none() {
        let mut few = Few::default();
        assert!(!few.observe(clock::now(), of(1, false), Expectation::Known(5)));
    }

    #[test]
    fn nobody_can_tell_without_a_number() {
        for unknown in [Expectation::Asking, Expectation::Unknown] {
            let mut few = Few::default();
            assert!(!few.observe(clock::now(), of(1, true), unknown));
        }
    }
}
