//! Which members are remembered as dead, and for how long.
//!
//! While a member is remembered as dead, old news that it lives has no effect. News travels for seconds, and sealed
//! messages are valid for half a minute; only members that were cut off have older news. So dead members are
//! remembered for long if there are few, and otherwise for as long as news can travel: tasks come at new addresses,
//! and a member outlives thousands of them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::membership::identity::Identity;

/// How long each is remembered at least, however many there are: four times as long as a sealed message is valid.
const AT_LEAST: Duration = Duration::from_secs(120);

/// How many are remembered for longer.
const MOST: usize = 256;

/// The dead members, in the order in which this node learnt of them; one for each address.
#[derive(Debug, Default)]
pub(super) struct Dead(VecDeque<(Instant, Identity)>);

impl Dead {
    /// An earlier process at the same address has been replaced, and need not be forgotten separately.
    pub(super) fn add(&mut self, id: Identity, now: Instant) {
        self.0.retain(|(_, former)| former.gossip != id.gossip);
        self.0.push_back((now, id));
    }

    /// When the next one will be forgotten.
    pub(super) fn next(&self, memory: Duration) -> Option<Instant> {
        let (since, _) = self.0.front()?;
        let after = if MOST < self.0.len() {
            memory.min(AT_LEAST)
        } else {
            memory
        };
        Some(*since + after)
    }

    /// Removes one that is to be forgotten now.
    pub(super) fn forget(&mut self, memory: Duration, now: Instant) -> Option<Identity> {
        if now < self.next(memory)? {
            return None;
        }
        self.0.pop_front().map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const MEMORY: Duration = Duration::from_secs(3600);

    fn at(address: u16) -> Identity {
        Identity::anyone_at(SocketAddr::from(([10, 0, 0, 1], address)))
    }

    /// The ports of those that are forgotten at a time.
    fn forgotten(dead: &mut Dead, now: Instant) -> Vec<u16> {
        std::iter::from_fn(|| dead.forget(MEMORY, now))
            .map(|id| id.gossip.port())
            .collect()
    }

    #[test]
    fn a_few_are_remembered_for_long() {
        let now = crate::clock::now();
        let mut dead = Dead::default();
        for n in 0..256 {
            dead.add(at(n), now);
        }
        assert_eq!(dead.next(MEMORY), Some(now + MEMORY));
        assert_eq!(forgotten(&mut dead, now + MEMORY - AT_LEAST), [0; 0]);
        assert_eq!(forgotten(&mut dead, now + MEMORY).len(), 256);
        assert_eq!(dead.next(MEMORY), None);
    }

    #[test]
    fn of_many_the_last_are_remembered_and_each_for_a_while() {
        let now = crate::clock::now();
        let mut dead = Dead::default();
        for n in 0..300 {
            dead.add(at(n), now);
        }
        assert_eq!(dead.next(MEMORY), Some(now + AT_LEAST));
        assert_eq!(forgotten(&mut dead, now), [0; 0]);
        let first: Vec<u16> = (0..300 - 256).collect();
        assert_eq!(forgotten(&mut dead, now + AT_LEAST), first);
        assert_eq!(dead.next(MEMORY), Some(now + MEMORY));
    }

    #[test]
    fn who_comes_and_goes_at_the_same_address_is_one() {
        let now = crate::clock::now();
        let mut dead = Dead::default();
        for n in 0..1000 {
            dead.add(at(n % 2), now + Duration::from_secs(n.into()));
        }
        assert_eq!(dead.0.len(), 2);
        let last = now + Duration::from_secs(999);
        assert_eq!(forgotten(&mut dead, last + MEMORY), [0, 1]);
    }
}
