//! Members that do not answer: who says so, and their chance to object.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use foca::Codec as _;

use super::{Due, Gossip, KIND_PROTOCOL, Now};
use crate::membership::identity::{Identity, Wire};

/// How often a member is told that it is suspected.
const WARNING_PERIOD: Duration = Duration::from_millis(500);

impl Gossip {
    /// Whether a suspect has objected in time. Told of the end of a suspicion that is no more, `foca`
    /// 2.0.0 changes nothing and yet writes to the member that it is dead: that one then comes
    /// back under a new generation for nothing, and a thousand of them never come to rest.
    pub(super) fn is_moot(&self, timer: &foca::Timer<Identity>) -> bool {
        suspect(timer).is_some_and(|suspect| !self.foca.iter_members().any(|m| *m == suspect))
    }

    /// Notes who does not answer, and on whose word: the teller's, or this node's own.
    pub(super) fn observe(&mut self, teller: impl FnOnce() -> Option<SocketAddr>) {
        let suspects: BTreeSet<SocketAddr> = self
            .foca
            .iter_members()
            .filter(|member| member.state() == foca::State::Suspect)
            .map(|member| member.id().node)
            .collect();
        if self.suspects.keys().eq(&suspects) {
            return;
        }
        let teller = teller().unwrap_or(self.foca.identity().node);
        self.suspects.retain(|node, _| suspects.contains(node));
        for node in suspects {
            self.suspects.entry(node).or_insert(teller);
        }
        self.stale = true;
    }

    /// Tells a member that this node suspects it, and again until it objects or is removed.
    ///
    /// `foca` tells everyone a few times as soon as the suspicion arises, and never again: one that
    /// was cut off just then would be removed although it answers every probe since.
    pub(super) fn warn(&mut self, node: SocketAddr, now: Now) {
        let suspect = self
            .foca
            .iter_members()
            .find(|member| member.id().node == node && member.state() == foca::State::Suspect)
            .cloned();
        let Some(suspect) = suspect else {
            self.warned.remove(&node);
            return;
        };
        let header = foca::Header {
            src: self.foca.identity().clone(),
            // Not known here, and the lowest changes nothing.
            src_incarnation: 0,
            dst: suspect.id().clone(),
            message: foca::Message::Gossip,
        };
        let message = Wire::write(&header, std::slice::from_ref(&suspect))
            .expect("this node and members that are not dead say who they are");
        self.send(node, KIND_PROTOCOL, &message, now);
        self.timers
            .schedule(now.instant + WARNING_PERIOD, Due::Warning(node));
    }
}

/// Whom a timer would declare dead.
pub(super) fn suspect(timer: &foca::Timer<Identity>) -> Option<foca::Member<Identity>> {
    match timer {
        foca::Timer::ChangeSuspectToDown {
            member_id,
            incarnation,
            token: _,
        } => Some(foca::Member::new(
            member_id.clone(),
            *incarnation,
            foca::State::Suspect,
        )),
        foca::Timer::ProbeRandomMember(_)
        | foca::Timer::SendIndirectProbe { .. }
        | foca::Timer::PeriodicAnnounce(_)
        | foca::Timer::PeriodicAnnounceDown(_)
        | foca::Timer::PeriodicGossip(_)
        | foca::Timer::RemoveDown(_) => None,
    }
}

/// Who sent a message of the protocol.
pub(super) fn sender(mut message: &[u8]) -> Option<SocketAddr> {
    Some(Wire.decode_header(&mut message).ok()?.src.node)
}
