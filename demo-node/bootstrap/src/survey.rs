//! When a node asks all contact points, and when only a few.
//!
//! To join a cluster, any one member is enough: the first page of the list, and a few contact points at a time. To
//! found a cluster, a node must ask all of them, which is expensive: two calls to AWS for every 100 nodes, and a
//! probe of each. So the lowest address does it at once, and every other node only in its random turn: if the lowest
//! one cannot, another soon does, and as long as there is no cluster, only a few nodes survey at a time.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

/// How long a survey continues after the whole list is read.
const LASTS: Duration = Duration::from_secs(10);

/// A node's first turn comes within this time for each node that there is: of N nodes, the first comes after about
/// this long. If many start together it is later, since only a few have a list by then; and no survey succeeds while
/// several compete for AWS's limits.
const FIRST_TURN: Duration = Duration::from_secs(1);

/// Later turns come within twice as long each time, at most this long for each node: then about two of all nodes
/// survey at a time.
const LATER_TURN: Duration = Duration::from_secs(10);

/// Where a node is between two of its turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was looked up yet.
    NotDrawn,
    /// Its turn comes at this time.
    From(Instant),
    /// Its turn has come; the whole list is not read yet.
    Reading,
    /// It asks all contact points until this time.
    Asking(Instant),
}

/// The turns of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turns {
    progress: Progress,
    drawn: u32,
}

// === impl Turns ===

impl Turns {
    pub(super) const fn new() -> Self {
        Self {
            progress: Progress::NotDrawn,
            drawn: 0,
        }
    }

    /// Whether it is this node's turn.
    pub(super) fn is_on(self) -> bool {
        matches!(self.progress, Progress::Reading | Progress::Asking(_))
    }

    /// Time has passed. Returns whether its turn has just come.
    pub(super) fn proceed(&mut self, now: Instant, nodes: usize, rng: &mut impl Rng) -> bool {
        match self.progress {
            Progress::From(at) if at <= now => {
                self.progress = Progress::Reading;
                true
            }
            Progress::Asking(until) if until <= now => {
                self.draw(now, nodes, rng);
                false
            }
            Progress::NotDrawn | Progress::From(_) | Progress::Reading | Progress::Asking(_) => {
                false
            }
        }
    }

    /// There is a list, complete or only its first page.
    pub(super) fn has_list(&mut self, now: Instant, nodes: usize, rng: &mut impl Rng) {
        if self.progress == Progress::NotDrawn {
            self.draw(now, nodes, rng);
        }
    }

    /// The whole list was read, as far as possible.
    pub(super) fn has_whole_list(&mut self, now: Instant) {
        if self.progress == Progress::Reading {
            self.progress = Progress::Asking(now + LASTS);
        }
    }

    /// The list could not be read, so another node may have its turn.
    pub(super) fn has_no_list(&mut self, now: Instant, nodes: usize, rng: &mut impl Rng) {
        if self.progress == Progress::Reading {
            self.draw(now, nodes, rng);
        }
    }

    /// When something changes without an input.
    pub(super) fn next_change(self) -> Option<Instant> {
        match self.progress {
            Progress::From(at) | Progress::Asking(at) => Some(at),
            Progress::NotDrawn | Progress::Reading => None,
        }
    }

    fn draw(&mut self, now: Instant, nodes: usize, rng: &mut impl Rng) {
        let nodes = u32::try_from(nodes.max(1)).unwrap_or(u32::MAX);
        let within = FIRST_TURN
            .saturating_mul(2_u32.saturating_pow(self.drawn))
            .min(LATER_TURN)
            .saturating_mul(nodes);
        self.drawn = self.drawn.saturating_add(1);
        self.progress = Progress::From(now + within.mul_f64(rng.random()));
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::SmallRng};

    use super::*;
    use crate::clock;

    /// However long no cluster can be founded.
    #[test]
    fn somebody_soon_has_its_turn_and_never_do_many_at_once() {
        for nodes in [10_usize, 100, 1000] {
            let mut rng = SmallRng::seed_from_u64(1);
            let mut now = clock::now();
            let began = now;
            let mut all = vec![Turns::new(); nodes];
            for turns in &mut all {
                turns.has_list(now, nodes, &mut rng);
            }
            let mut first = None;
            let (mut on, mut seconds) = (0, 0);
            while now < began + Duration::from_hours(2) {
                now += Duration::from_secs(1);
                for turns in &mut all {
                    turns.proceed(now, nodes, &mut rng);
                    turns.has_whole_list(now);
                }
                let under_way = all.iter().filter(|turns| turns.is_on()).count();
                if 0 < under_way {
                    first.get_or_insert(now);
                }
                if began + Duration::from_hours(1) < now {
                    on += under_way;
                    seconds += 1;
                }
            }
            assert!(first.unwrap() <= began + Duration::from_secs(10), "{nodes}");
            let mean = f64::from(u32::try_from(on).unwrap()) / f64::from(seconds);
            assert!((1.0..4.0).contains(&mean), "{nodes}: {mean}");
        }
    }
}
