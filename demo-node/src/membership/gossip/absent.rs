//! Peers that ought to be there and are not: seeds that have not answered, and members that went
//! without leaving.
//!
//! Trying them is how a node gets into its cluster, back into it, and together again with the rest
//! after a partition. Those that left are not tried, so that a cluster does not spend its days
//! calling on everyone it has ever replaced.

use std::{collections::BTreeMap, net::SocketAddr, time::Instant};

use rand::{RngExt as _, rngs::StdRng, seq::IteratorRandom as _};

use crate::membership::settings::Timing;

/// How many are tried at a time.
const AT_A_TIME: usize = 5;

/// Who is absent, and when to try them.
#[derive(Debug, Default)]
pub(super) struct Absent {
    since: BTreeMap<SocketAddr, Instant>,
    next: Option<Instant>,
    /// How often they have been tried since the last change.
    tries: u32,
}

impl Absent {
    pub(super) fn add(&mut self, node: SocketAddr, now: Instant) {
        self.since.insert(node, now);
        self.try_soon(now);
    }

    /// One that is back is seldom back alone.
    pub(super) fn remove(&mut self, node: SocketAddr, now: Instant) {
        if self.since.remove(&node).is_some() {
            self.try_soon(now);
        }
    }

    pub(super) fn clear(&mut self) {
        self.since.clear();
    }

    pub(super) fn try_soon(&mut self, now: Instant) {
        self.tries = 0;
        self.next = Some(now);
    }

    pub(super) fn stop_trying(&mut self) {
        self.next = None;
    }

    /// When to try next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whom to try now. Plans the next time: after an eighth of the period at first, and longer and
    /// longer while nothing changes. The larger the cluster, the less each of its members has to do.
    pub(super) fn choose(
        &mut self,
        now: Instant,
        size: usize,
        timing: &Timing,
        rng: &mut StdRng,
    ) -> Vec<SocketAddr> {
        self.since.retain(|_, since| now < *since + timing.memory);
        let tenths = u32::try_from(size).unwrap_or(u32::MAX).max(10);
        let slowest = timing.knock_period / 10 * tenths;
        let wait = timing.knock_period / 8 * (1 << self.tries.min(16));
        let wait = wait.min(slowest).mul_f64(rng.random_range(0.8..1.2));
        self.tries = self.tries.saturating_add(1);
        self.next = Some(now + wait);
        self.since.keys().copied().sample(rng, AT_A_TIME)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng as _;

    use super::*;

    fn node(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 7355))
    }

    /// How long it waits after each of so many tries, in milliseconds.
    fn waits(absent: &mut Absent, size: usize, count: usize) -> Vec<u128> {
        let mut rng = StdRng::seed_from_u64(1);
        std::iter::repeat_with(|| {
            let now = absent.next().unwrap();
            absent.choose(now, size, &Timing::lan(), &mut rng);
            absent.next().unwrap().duration_since(now).as_millis()
        })
        .take(count)
        .collect()
    }

    #[test]
    fn they_are_tried_less_and_less_often_until_something_changes() {
        let now = crate::clock::now();
        let mut absent = Absent::default();
        absent.add(node(1), now);
        for (wait, expected) in waits(&mut absent, 3, 5)
            .into_iter()
            .zip([250, 500, 1000, 2000, 2000])
        {
            assert!(
                (expected * 8 / 10..=expected * 12 / 10).contains(&wait),
                "{wait}"
            );
        }
        absent.add(node(2), now);
        assert_eq!(absent.next(), Some(now));
        assert!(waits(&mut absent, 3, 1)[0] <= 300);
        absent.remove(node(2), now);
        assert_eq!(absent.next(), Some(now));
    }

    #[test]
    fn members_of_a_large_cluster_share_the_work() {
        let mut absent = Absent::default();
        absent.add(node(1), crate::clock::now());
        let last = waits(&mut absent, 100, 10)[9];
        assert!((16_000..=24_000).contains(&last), "{last}");
    }

    #[test]
    fn a_few_are_tried_at_a_time_and_none_for_ever() {
        let now = crate::clock::now();
        let mut rng = StdRng::seed_from_u64(1);
        let timing = Timing::lan();
        let mut absent = Absent::default();
        for last in 0..20 {
            absent.add(node(last), now);
        }
        assert_eq!(absent.choose(now, 1, &timing, &mut rng).len(), AT_A_TIME);
        let later = now + timing.memory - Duration::from_secs(1);
        assert_eq!(absent.choose(later, 1, &timing, &mut rng).len(), AT_A_TIME);
        let later = now + timing.memory;
        assert!(absent.choose(later, 1, &timing, &mut rng).is_empty());
    }
}
