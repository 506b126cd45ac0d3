//! Recognises a sealed message that arrives a second time.
//!
//! Only messages that opened are remembered, so strangers cannot fill the memory, and only as long as their time
//! would let them in again.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::nonce::Nonce;

/// A message's time may be this far from the receiver's clock, in both directions.
///
/// Long enough for clocks without maintenance, and short enough that overheard messages soon become useless.
pub const WINDOW: Duration = Duration::from_secs(30);

/// A message's time may be ahead of the clock by the window, and is valid until it is behind by the window.
const MEMORY: Duration = Duration::from_secs(2 * WINDOW.as_secs());

/// About 500 messages a second; a thousand members send a node about 20.
/// Beyond that, the oldest are forgotten early, since dropping genuine messages would be worse.
const LIMIT: usize = 30_000;

/// The recently seen nonces, in two generations: the older one is dropped as a whole.
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

    /// Whether the nonce is seen for the first time. It is remembered from then on.
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
