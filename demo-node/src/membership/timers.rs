//! What is to happen when: a heap, without a clock.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    time::Instant,
};

/// Things that fall due, the earliest first; of those due together, the one scheduled first.
#[derive(Debug)]
pub(super) struct Timers<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    scheduled: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    /// Counts up, so that no two are equal and order is kept.
    number: u64,
    what: T,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            scheduled: 0,
        }
    }

    pub(super) fn schedule(&mut self, at: Instant, what: T) {
        self.scheduled += 1;
        self.heap.push(Reverse(Entry {
            at,
            number: self.scheduled,
            what,
        }));
    }

    /// When something falls due next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes out the next thing that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<T> {
        if now < self.next()? {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.what)
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_comes_out_in_the_order_of_time_and_then_of_scheduling() {
        let start = crate::clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut timers = Timers::new();
        for (millis, what) in [(30, 'd'), (10, 'a'), (20, 'b'), (20, 'c'), (40, 'e')] {
            timers.schedule(at(millis), what);
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.due(at(9)), None);
        let due: String = std::iter::from_fn(|| timers.due(at(30))).collect();
        assert_eq!(due, "abcd");
        assert_eq!(timers.next(), Some(at(40)));
    }
}
