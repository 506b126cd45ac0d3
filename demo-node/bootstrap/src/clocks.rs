//! How far another node's clock is from this node's, taken from its sealed answers.
//!
//! Nodes whose clocks differ too much cannot be in one cluster: each would drop the other's gossip as too old, or as a
//! replay.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::seal::WINDOW;

/// How far a clock may be off. Gossip counts if its time is within [`WINDOW`]; the difference is for the network's
/// delay and for clocks that drift.
pub const TOLERANCE: Duration = WINDOW.saturating_sub(Duration::from_secs(5));

/// How much two measurements of the same difference may differ: a probe takes at most a second, and clocks are
/// corrected sometimes.
const NOISE: Duration = Duration::from_secs(2);

/// How far another clock is ahead of this node's, in milliseconds; negative if it is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Skew(pub i64);

impl Skew {
    /// The skew of a clock that said `theirs` between two moments of this node's clock, all in milliseconds since 1970.
    /// Assumes that it was read in the middle, so the error is at most half the time between the two
    /// (Cristian, "Probabilistic clock synchronization", 1989).
    #[must_use]
    pub fn of(theirs: u64, asked: u64, answered: u64) -> Self {
        let ours = i128::midpoint(asked.into(), answered.into());
        let ahead = i128::from(theirs) - ours;
        // A node with the key may still have any clock.
        Self(i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Whether two nodes with such clocks can be in one cluster.
    #[must_use]
    pub fn is_tolerable(self) -> bool {
        self.distance() <= TOLERANCE
    }

    /// This skew, or `before` if that is about the same. Each measurement differs a little, and a reason that people
    /// read should not change for that.
    #[must_use]
    pub fn unless_about(self, before: Self) -> Self {
        let differs = Duration::from_millis(self.0.abs_diff(before.0));
        if differs < NOISE { before } else { self }
    }

    fn distance(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = self.distance().saturating_add(Duration::from_millis(500));
        let seconds = Duration::from_secs(rounded.as_secs());
        let way = if self.0 < 0 { "behind" } else { "ahead of" };
        write!(
            f,
            "{} {way} this node's",
            humantime::format_duration(seconds)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_question_and_answer() {
        assert_eq!(Skew::of(10_500, 10_000, 11_000), Skew(0));
        assert_eq!(Skew::of(13_500, 10_000, 11_000), Skew(3_000));
        assert_eq!(Skew::of(0, 10_000, 11_000), Skew(-10_500));
        assert_eq!(Skew::of(u64::MAX, 0, 0), Skew(i64::MAX));
        assert_eq!(Skew::of(0, u64::MAX, u64::MAX), Skew(i64::MIN));
        assert!(!Skew(i64::MIN).is_tolerable());
    }

    #[test]
    fn what_is_tolerable_is_less_than_what_gossip_bears() {
        assert!(TOLERANCE < WINDOW);
        assert!(Skew(25_000).is_tolerable() && Skew(-25_000).is_tolerable());
        assert!(!Skew(25_001).is_tolerable() && !Skew(-25_001).is_tolerable());
    }

    #[test]
    fn what_differs_little_is_the_same() {
        let before = Skew(60_000);
        assert_eq!(Skew(60_900).unless_about(before), before);
        assert_eq!(Skew(58_100).unless_about(before), before);
        assert_eq!(Skew(62_000).unless_about(before), Skew(62_000));
        assert_eq!(Skew(i64::MIN).unless_about(Skew(i64::MAX)), Skew(i64::MIN));
    }

    #[test]
    fn people_are_told_which_way() {
        assert_eq!(Skew(3_599_999).to_string(), "1h ahead of this node's");
        assert_eq!(Skew(-61_000).to_string(), "1m 1s behind this node's");
    }
}
