//! How long to wait before asking again: pure functions of settings, failures and chance.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

/// Exponential back-off with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// The delay while nothing fails.
    pub base: Duration,
    /// The longest delay, before jitter.
    pub max: Duration,
    /// Up to this share of the delay is added at random, so that nodes do not ask in step.
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

/// The delay, and up to `factor` of it more.
pub fn jittered(delay: Duration, factor: f64, rng: &mut impl Rng) -> Duration {
    delay.mul_f64(1.0 + factor * rng.random::<f64>())
}

/// One thing that is done again and again, never twice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// To be done then.
    Due(Instant),
    /// Being done.
    UnderWay,
    /// Not to be done.
    Off,
}

impl Schedule {
    /// When it is to be done, if it is.
    #[must_use]
    pub fn due_at(self) -> Option<Instant> {
        match self {
            Self::Due(at) => Some(at),
            Self::UnderWay | Self::Off => None,
        }
    }

    /// Whether it is to be done at `now`. It is under way then.
    pub fn fall_due(&mut self, now: Instant) -> bool {
        let due = self.due_at().is_some_and(|at| at <= now);
        if due {
            *self = Self::UnderWay;
        }
        due
    }
}

/// What the watch of a whole cluster may cost: a tenth of what ECS grants an account (20 calls a
/// second for cluster resource reads, "Request throttling for the Amazon ECS API").
const WATCH_CALLS_PER_SECOND: usize = 2;

/// How many calls one look at a service of so many tasks takes.
///
/// It lists 100 tasks a call. What was described a minute ago or before, and looks are no closer
/// than that, is described again, 100 tasks a call.
#[must_use]
pub fn calls_per_look(tasks: usize) -> usize {
    2 * tasks.div_ceil(100)
}

/// How long a member of a cluster of `members` waits between two looks at discovery: so long that
/// the whole cluster, in which every member looks, makes at most 2 calls a second, and no shorter than
/// `least`.
#[must_use]
pub fn watch_interval(least: Duration, members: usize) -> Duration {
    let calls = members.saturating_mul(calls_per_look(members));
    let secs = u64::try_from(calls / WATCH_CALLS_PER_SECOND).unwrap_or(u64::MAX);
    least.max(Duration::from_secs(secs))
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

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_watch_of_a_whole_cluster_makes_at_most_two_calls_a_second() {
        let calls_per_second = |members: usize| {
            let looks_per_second = members as f64 / watch_interval(MINUTE, members).as_secs_f64();
            looks_per_second * calls_per_look(members) as f64
        };
        for members in [1, 2, 59, 60, 61, 100, 101, 1000, 10_000] {
            assert!(calls_per_second(members) <= 2.0, "{members}");
            assert!(MINUTE <= watch_interval(MINUTE, members));
        }
        // The figures that ARCHITECTURE.md states.
        for (members, calls) in [(10, 0.33), (100, 2.0), (1000, 2.0)] {
            let off = calls_per_second(members) - calls;
            assert!(off.abs() < 0.01, "{members}: {}", calls_per_second(members));
        }
    }
}
