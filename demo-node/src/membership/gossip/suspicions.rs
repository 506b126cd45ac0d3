//! Members that do not answer, and who says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use super::swim::Swim;

/// Who is suspected of being dead.
#[derive(Debug, Default)]
pub(super) struct Suspicions {
    /// By whom, as far as this node knows: itself, or the member that told it.
    observers: BTreeMap<SocketAddr, SocketAddr>,
    /// Those that this node tells of it.
    warned: BTreeSet<SocketAddr>,
}

impl Suspicions {
    /// Looks for suspicions that are new or over; says whether there are any. New ones are put down
    /// to the teller, or to this node itself.
    pub(super) fn review(
        &mut self,
        swim: &Swim,
        teller: impl FnOnce() -> Option<SocketAddr>,
    ) -> bool {
        let suspects: BTreeSet<SocketAddr> = swim
            .members()
            .filter(|member| member.state() == foca::State::Suspect)
            .map(|member| member.id().gossip)
            .collect();
        if self.observers.keys().eq(&suspects) {
            return false;
        }
        let teller = teller().unwrap_or(swim.me().gossip);
        self.observers.retain(|node, _| suspects.contains(node));
        for node in suspects {
            self.observers.entry(node).or_insert(teller);
        }
        true
    }

    /// Who found this member unreachable.
    pub(super) fn observer(&self, node: SocketAddr) -> Option<SocketAddr> {
        self.observers.get(&node).copied()
    }

    /// Notes that a member is to be warned; says whether that is news.
    pub(super) fn warn(&mut self, node: SocketAddr) -> bool {
        self.warned.insert(node)
    }

    /// Notes that it is a suspect no more.
    pub(super) fn calm(&mut self, node: SocketAddr) {
        self.warned.remove(&node);
    }
}
