//! Missing peers: seeds that have not answered, and members that went without leaving.
//!
//! By trying them, a node gets into its cluster, back into it, and together again with the others after a partition.
//! Peers that left are not tried, so that a cluster does not forever try all nodes that it has replaced.
//!
//! Nodes that people have named are tried in addition, a few and not for long, so that missing members are still
//! tried as often.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use rand::{RngExt as _, rngs::StdRng, seq::IteratorRandom as _};

use crate::membership::local::Timing;

/// How many are tried at a time.
const AT_A_TIME: usize = 5;

/// How many are remembered at a time. Any one peer on the other side of a partition is enough to come together again.
const MOST: usize = 256;

/// How many of the nodes that people have named are remembered at a time.
pub(super) const MOST_INVITED: usize = 16;

/// How long a node that people have named is tried.
pub(super) const INVITED_FOR: Duration = Duration::from_secs(120);

/// Which peers are missing, and when to try them.
#[derive(Debug, Default)]
pub(super) struct Absent {
    since: BTreeMap<SocketAddr, Instant>,
    /// The nodes that people have named, and when.
    invited: BTreeMap<SocketAddr, Instant>,
    next: Option<Instant>,
    /// How often they have been tried since the last change.
    tries: u32,
}

impl Absent {
    pub(super) fn add(&mut self, node: SocketAddr, now: Instant) {
        self.since.insert(node, now);
        self.try_soon(now);
    }

    /// Returns whether a node that people have named will be tried: too many at a time are not.
    pub(super) fn invite(&mut self, node: SocketAddr, now: Instant) -> bool {
        self.invited.retain(|_, since| now < *since + INVITED_FOR);
        if MOST_INVITED <= self.invited.len() && !self.invited.contains_key(&node) {
            return false;
        }
        self.invited.insert(node, now);
        self.try_soon(now);
        true
    }

    /// Returns whether it was missing. A peer that is back is seldom the only one.
    pub(super) fn remove(&mut self, node: SocketAddr, now: Instant) -> bool {
        let was_invited = self.invited.remove(&node).is_some();
        let was_absent = self.since.remove(&node).is_some();
        if was_absent || was_invited {
            self.try_soon(now);
        }
        was_absent
    }

    pub(super) fn contains(&self, node: SocketAddr) -> bool {
        self.since.contains_key(&node)
    }

    pub(super) fn clear(&mut self) {
        self.since.clear();
        self.invited.clear();
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

    /// Which peers to try now. Plans the next time: first after an eighth of the period, then later and later while
    /// nothing changes. In a larger cluster each member tries less often.
    pub(super) fn choose(
        &mut self,
        now: Instant,
        size: usize,
        timing: &Timing,
        rng: &mut StdRng,
    ) -> Vec<SocketAddr> {
        self.since.retain(|_, since| now < *since + timing.memory);
        // Random ones, so that some of the peers that are cut off for long remain.
        let excess = self.since.len().saturating_sub(MOST);
        for node in self.since.keys().copied().sample(rng, excess) {
            self.since.remove(&node);
        }
        self.invited.retain(|_, since| now < *since + INVITED_FOR);
        let tenths = u32::try_from(size).unwrap_or(u32::MAX).max(10);
        let slowest = timing.knock_period / 10 * tenths;
        let wait = timing.knock_period / 8 * (1 << self.tries.min(16));
        let wait = wait.min(slowest).mul_f64(rng.random_range(0.8..1.2));
        self.tries = self.tries.saturating_add(1);
        self.next = Some(now + wait);
        let mut chosen = self.since.keys().copied().sample(rng, AT_A_TIME);
        chosen.extend(self.invited.keys().copied().sample(rng, AT_A_TIME));
        chosen
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

    /// How long to wait after each of so many tries, in milliseconds.
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

    #[test]
    fn they_are_few_however_many_are_replaced_and_some_of_each_time_are_left() {
        let mut now = crate::clock::now();
        let mut rng = StdRng::seed_from_u64(1);
        let mut absent = Absent::default();
        let cut_off = (0..25).map(|n| SocketAddr::from(([10, 1, 0, n], 7355)));
        for node in cut_off.clone() {
            absent.add(node, now);
        }
        for replaced in 0..300 {
            now += Duration::from_secs(5);
            absent.add(SocketAddr::from(([10, 0, 0, 1], replaced)), now);
            absent.choose(now, 50, &Timing::lan(), &mut rng);
            assert!(absent.since.len() <= MOST);
        }
        let left = cut_off.filter(|node| absent.contains(*node)).count();
        assert!(10 < left, "{left} of 25");
    }

    #[test]
    fn a_few_that_people_name_are_tried_for_a_while_and_in_nobodys_place() {
        let mut now = crate::clock::now();
        let mut rng = StdRng::seed_from_u64(1);
        let timing = Timing::lan();
        let mut absent = Absent::default();
        absent.add(node(0), now);
        let stranger = |number: u16| SocketAddr::from(([10, 1, 0, 0], number));
        for round in 0..20 {
            let invited: Vec<_> = (1..=100)
                .map(|n| absent.invite(stranger(100 * round + n), now))
                .collect();
            assert!(invited[..MOST_INVITED].iter().all(|invited| *invited));
            assert!(!invited[MOST_INVITED..].iter().any(|invited| *invited));
            assert!(absent.invite(stranger(100 * round + 1), now), "twice");
            let chosen = absent.choose(now, 1, &timing, &mut rng);
            assert_eq!(chosen.len(), 1 + AT_A_TIME);
            assert_eq!(chosen[0], node(0));
            now += INVITED_FOR;
        }
        assert_eq!(absent.choose(now, 1, &timing, &mut rng), [node(0)]);
        absent.invite(stranger(1), now);
        absent.remove(stranger(1), now);
        assert_eq!(absent.choose(now, 1, &timing, &mut rng), [node(0)]);
    }
}
