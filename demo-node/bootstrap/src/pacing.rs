//! How long to wait before asking again: pure functions of settings, failures and randomness.

use std::time::{Duration, Instant};

use discovery::Extent;
use rand::{Rng, RngExt};

/// Exponential back-off with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// The delay while nothing fails.
    pub base: Duration,
    /// The longest delay, before jitter.
    pub max: Duration,
    /// Up to this share of the delay is added at random, so that nodes do not ask at the same moments.
    pub random_factor: f64,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    #[must_use]
    pub fn new(base: Duration, max: Duration, random_factor: f64) -> Self {
        Self {
            base,
            max,
            random_factor,
            failures: 0,
        }
    }

    /// The next delay after a success.
    pub fn succeeded(&mut self, rng: &mut impl Rng) -> Duration {
        self.failures = 0;
        jittered(self.base, self.random_factor, rng)
    }

    /// The next delay after a failure: the base doubled with each failure in a row.
    pub fn failed(&mut self, rng: &mut impl Rng) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let doubled = 2_u32.saturating_pow(self.failures);
        let delay = self
            .base
            .saturating_mul(doubled)
            .min(self.max.max(self.base));
        jittered(delay, self.random_factor, rng)
    }
}

/// The delay, plus up to `factor` of it.
pub fn jittered(delay: Duration, factor: f64, rng: &mut impl Rng) -> Duration {
    delay.mul_f64(1.0 + factor * rng.random::<f64>())
}

/// One repeated task, which never runs twice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// Due at this time.
    Due(Instant),
    /// Running.
    UnderWay,
    /// Not planned.
    Off,
}

impl Schedule {
    /// When it is due, if it is planned.
    #[must_use]
    pub fn due_at(self) -> Option<Instant> {
        match self {
            Self::Due(at) => Some(at),
            Self::UnderWay | Self::Off => None,
        }
    }

    /// Whether it is due at `now`. If so, it runs from now on.
    pub fn fall_due(&mut self, now: Instant) -> bool {
        let due = self.due_at().is_some_and(|at| at <= now);
        if due {
            *self = Self::UnderWay;
        }
        due
    }
}

/// How many tasks ECS lists and describes in one call: `ListTasks` and `DescribeTasks`, "maxResults".
const PAGE: usize = 100;

/// How many calls all nodes together that look for a cluster to join may make: half of what ECS allows an account (20
/// calls a second for cluster resource reads, "Request throttling for the Amazon ECS API"). A look at the first page
/// is two calls, so each of N nodes looks every N times this long.
const SEEK: Duration = Duration::from_millis(200);

/// How long a node waits between two looks at the first page of the list, with this many nodes. The node that founds
/// a cluster tells all, and members that watch find nodes outside: this is only for nodes that were missed.
#[must_use]
pub fn seek_pause(interval: Duration, nodes: usize) -> Duration {
    interval.max(SEEK.saturating_mul(count(nodes)))
}

/// How long a node that does not propose waits before it asks again for the number of expected nodes: `interval` with
/// a normal number of voters, and longer with more nodes, so that all together do not ask more often.
#[must_use]
pub fn vote_pause(interval: Duration, voters: usize, nodes: usize) -> Duration {
    interval.saturating_mul(count(nodes.div_ceil(voters).max(1)))
}

/// How many pages a list of this many nodes has.
#[must_use]
pub fn pages(extent: Extent, nodes: usize) -> u32 {
    match extent {
        Extent::Whole => count(nodes.div_ceil(PAGE).max(1)),
        Extent::FirstPage => 1,
    }
}

/// How long a node waits between two looks at the whole list: longer if it has more pages.
#[must_use]
pub fn survey_pause(interval: Duration, nodes: usize) -> Duration {
    interval.saturating_mul(pages(Extent::Whole, nodes))
}

/// How long a member of a cluster of this size waits between two looks at the whole list, on average, if all members
/// together look once in `interval`.
#[must_use]
pub fn watch_pause(interval: Duration, members: usize) -> Duration {
    interval.saturating_mul(count(members.max(1)))
}

fn count(nodes: usize) -> u32 {
    u32::try_from(nodes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    #[test]
    fn failures_double_the_delay_up_to_the_maximum_and_a_success_resets_it() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15), 0.0);
        let failures: Vec<u64> = (0..6).map(|_| backoff.failed(&mut rng).as_secs()).collect();
        assert_eq!(failures, [2, 4, 8, 15, 15, 15]);
        assert_eq!(backoff.succeeded(&mut rng), Duration::from_secs(1));
        assert_eq!(backoff.failed(&mut rng), Duration::from_secs(2));
    }

    #[test]
    fn jitter_only_adds_and_at_most_its_share() {
        let mut rng = SmallRng::seed_from_u64(2);
        for _ in 0..1000 {
            let delay = jittered(Duration::from_secs(10), 0.2, &mut rng);
            assert!((10.0..=12.0).contains(&delay.as_secs_f64()), "{delay:?}");
        }
    }
}
