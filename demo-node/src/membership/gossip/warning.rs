//! Gives suspected members a chance to object.

use std::{net::SocketAddr, time::Duration};

use super::{Gossip, channel::Kind, due::Due};
use crate::membership::{environment::Now, wire::Wire};

/// How often a member is told that it is suspected.
const WARNING_PERIOD: Duration = Duration::from_millis(500);

impl Gossip {
    /// Tells a member that this node suspects it, repeatedly, until it objects or is removed.
    ///
    /// `foca` tells all members a few times when the suspicion begins, and never again: a member that was cut off
    /// just then would be removed although it has answered every probe since.
    pub(super) fn warn(&mut self, node: SocketAddr, now: Now) {
        let suspect = self
            .swim
            .members()
            .find(|member| member.id().gossip == node && member.state() == foca::State::Suspect)
            .cloned();
        let Some(suspect) = suspect else {
            self.suspicions.calm(node);
            return;
        };
        let header = foca::Header {
            src: self.swim.me().clone(),
            // Not known here; the lowest value changes nothing.
            src_incarnation: 0,
            dst: suspect.id().clone(),
            message: foca::Message::Gossip,
        };
        let message = Wire::write(&header, std::slice::from_ref(&suspect))
            .expect("this node and members that are not dead say who they are");
        self.send(node, Kind::Protocol, &message, now);
        self.timers
            .schedule(now.instant + WARNING_PERIOD, Due::Warning(node));
    }
}
