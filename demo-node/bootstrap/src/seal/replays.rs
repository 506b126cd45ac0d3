//! Recognises a sealed message that arrives a second time.
//!
//! Only what opened is remembered, so strangers cannot fill the memory, and only for as long as
//! the stamp would let it in again.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::nonce::Nonce;

/// A message's stamp may be this far from the receiver's clock, either way.
///
/// Long enough for clocks that nobody looks after, short enough that what was overheard is soon
/// worth nothing.
pub const WINDOW: Duration = Duration::from_secs(30);

/// A stamp may be ahead of the clock by the window and is good until behind it by as much.
const MEMORY: Duration = Duration::from_secs(2 * WINDOW.as_secs());

/// Some 500 messages a second; a thousand members send a node about 20.
/// Beyond it the oldest are forgotten early, since dropping what is genuine would be worse.
const LIMIT: usize = 30_000;

/// The nonces seen of late, in two generations: the older is dropped as a whole.
#[derive(Debug)]
pub struct Replays {
    recent: HashSet<Nonce>,
    older: HashSet<Nonce>,
    since: Instant,
}

impl Replays {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            recent: HashSet::new(),
            older: HashSet::new(),
            since: now,
        }
    }

    /// Whether this is the first time that the nonce is seen. It is remembered from then on.
    pub fn is_first(&mut self, nonce: Nonce, now: Instant) -> bool {
        if MEMORY <= now.duration_since(self.since) || LIMIT <= self.recent.len() {
            self.older = std::mem::take(&mut self.recent);
            self.since = now;
        }
        !self.older.contains(&nonce) && self.recent.insert(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(number: u64) -> Nonce {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Nonce(bytes)
    }

    #[test]
    fn a_second_arrival_is_recognised_for_as_long_as_its_stamp_is_good() {
        let start = crate::clock::now();
        let mut replays = Replays::new(start);
        for seconds in 0..200 {
            assert!(replays.is_first(nonce(seconds), start + Duration::from_secs(seconds)));
        }
        let now = start + Duration::from_secs(199);
        for seconds in 139..200 {
            assert!(!replays.is_first(nonce(seconds), now));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let now = crate::clock::now();
        let mut replays = Replays::new(now);
        for number in 0..200_000 {
            assert!(replays.is_first(nonce(number), now));
        }
        assert!(replays.recent.len() + replays.older.len() <= 2 * LIMIT);
    }
}
