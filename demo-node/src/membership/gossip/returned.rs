//! Members that were considered dead and are back.
//!
//! Usually the network between them and this node had failed, and then they considered this node and all on its side
//! dead, too. Their news about dead members is out of date until they have heard from all again. So it is ignored if
//! this node knows better: programs that act on events must not be told of the end of a member that was always well.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::swim::Swim;
use crate::membership::identity::Identity;

/// How long their news about dead members does not count. Within this time both sides of a partition have become one
/// cluster again; and this node finds out by its own probes whatever it ignores.
const WINDOW: Duration = Duration::from_secs(10);

/// Which members have come back recently.
#[derive(Debug, Default)]
pub(super) struct Returned {
    at: BTreeMap<SocketAddr, Instant>,
}

impl Returned {
    pub(super) fn add(&mut self, node: SocketAddr, now: Instant) {
        self.at
            .retain(|_, at| now.saturating_duration_since(*at) < WINDOW);
        self.at.insert(node, now);
    }

    /// Whether this node has come back recently.
    pub(super) fn is_one(&self, node: SocketAddr, now: Instant) -> bool {
        self.at
            .get(&node)
            .is_some_and(|at| now.saturating_duration_since(*at) < WINDOW)
    }
}

/// Whether a member that was cut off says that a member is dead, or may be, although it is well.
pub(super) fn is_out_of_date(news: &foca::Member<Identity>, swim: &Swim) -> bool {
    let id = news.id();
    news.state() != foca::State::Alive
        && !id.leaving
        && swim
            .members()
            .any(|member| member.state() == foca::State::Alive && member.id().gossip == id.gossip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_remembered_for_a_while_only() {
        let node = |n: u16| SocketAddr::from(([10, 0, 0, 1], n));
        let start = crate::clock::now();
        let mut returned = Returned::default();
        for n in 0..1000 {
            returned.add(node(n), start + Duration::from_secs(n.into()));
            assert!(returned.at.len() <= 10, "{}", returned.at.len());
        }
        let last = start + Duration::from_secs(999);
        assert!(returned.is_one(node(999), last));
        assert!(returned.is_one(node(990), last));
        assert!(!returned.is_one(node(989), last));
        assert!(!returned.is_one(node(999), last + WINDOW));
    }
}
