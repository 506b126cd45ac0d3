//! Members that do not answer, and which member found that out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use super::swim::Swim;

/// Which members are suspected of being dead.
#[derive(Debug, Default)]
pub(super) struct Suspicions {
    /// Who suspects it, as far as this node knows: itself, or the member that told it.
    observers: BTreeMap<SocketAddr, SocketAddr>,
    /// The suspected members that this node warns.
    warned: BTreeSet<SocketAddr>,
}

impl Suspicions {
    /// Finds suspicions that are new or over; returns whether there are any. New ones are attributed to the sender,
    /// or to this node itself.
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

    /// Which member found this member unreachable.
    pub(super) fn observer(&self, node: SocketAddr) -> Option<SocketAddr> {
        self.observers.get(&node).copied()
    }

    /// Notes that a member must be warned; returns whether that is new.
    pub(super) fn warn(&mut self, node: SocketAddr) -> bool {
        self.warned.insert(node)
    }

    /// Notes that it is no longer suspected.
    pub(super) fn calm(&mut self, node: SocketAddr) {
        self.warned.remove(&node);
    }
}
