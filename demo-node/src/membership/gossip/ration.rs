//! A limit for each second.

use std::time::{Duration, Instant};

/// How many answers a node gives in a second to the question whether it is there. Only people or alarms ask; each
/// asks at most three times.
const EACH_SECOND: u32 = 50;

/// What is left of this second's limit.
#[derive(Debug)]
pub(super) struct Ration {
    since: Instant,
    left: u32,
}

impl Ration {
    /// Nothing is used yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            left: EACH_SECOND,
        }
    }

    /// Uses one, if any is left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if Duration::from_secs(1) <= now.saturating_duration_since(self.since) {
            *self = Self::new(now);
        }
        let any = 0 < self.left;
        self.left = self.left.saturating_sub(1);
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn there_is_so_much_in_a_second_and_as_much_in_the_next() {
        let start = clock::now();
        let mut ration = Ration::new(start);
        for seconds in 0..3 {
            let now = start + Duration::from_secs(seconds);
            let taken = (0..1000).filter(|_| ration.take(now)).count();
            assert_eq!(taken, EACH_SECOND as usize);
        }
    }
}
