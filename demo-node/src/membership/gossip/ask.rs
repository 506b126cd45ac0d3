//! Asking a member to leave.
//!
//! The request is a separate sealed datagram and is repeated, since datagrams get lost.

use std::{net::SocketAddr, time::Duration};

use super::{
    Gossip,
    channel::Kind,
    due::{Due, Order, Pending, Request},
    part::Part,
};
use crate::{
    cluster::NodeUid,
    membership::{environment::Now, handle::Refused, members::Status, traffic::Rejection},
};

const TRIES: u32 = 5;
const INTERVAL: Duration = Duration::from_millis(200);

impl Gossip {
    /// Asks a member to leave: see [`Handle::leave_member`](crate::membership::Handle::leave_member).
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn leave_member(&mut self, node: SocketAddr, now: Now) -> Result<(), Refused> {
        let uid = self.uid_of(node)?;
        if node == self.swim.me().gossip {
            self.leave(now);
        } else {
            self.order(node, uid, Order::Leave, now);
        }
        Ok(())
    }

    /// Removes a member at once: see [`Handle::down`](crate::membership::Handle::down).
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn down(&mut self, node: SocketAddr, now: Now) -> Result<(), Refused> {
        let uid = self.uid_of(node)?;
        if node == self.swim.me().gossip {
            self.depart(Status::Down, now);
            return Ok(());
        }
        // It is told first: if it heard from the others that it is dead, it would come back.
        self.order(node, uid, Order::Down, now);
        let dead: Vec<_> = self
            .swim
            .members()
            .filter(|member| member.id().gossip == node)
            .map(|member| foca::Member::down(member.id().clone()))
            .collect();
        self.swim.apply(dead, true);
        self.settle(now);
        self.observe(|| None);
        Ok(())
    }

    fn uid_of(&mut self, node: SocketAddr) -> Result<NodeUid, Refused> {
        let Part::Up(_) = self.part else {
            return Err(self.part.refusal());
        };
        self.members()
            .members
            .get(&node)
            .map(|member| member.uid)
            .ok_or(Refused::Unknown(node))
    }

    fn order(&mut self, to: SocketAddr, uid: NodeUid, order: Order, now: Now) {
        let pending = Pending {
            to,
            request: Request { uid, order },
            tries_left: TRIES,
        };
        self.ask(pending, now);
    }

    pub(super) fn ask(&mut self, pending: Pending, now: Now) {
        let message =
            postcard::to_stdvec(&pending.request).expect("a number and a word can be written");
        self.send(pending.to, Kind::Ask, &message, now);
        if 1 < pending.tries_left {
            let again = Pending {
                tries_left: pending.tries_left - 1,
                ..pending
            };
            self.timers
                .schedule(now.instant + INTERVAL, Due::Ask(again));
        }
    }

    pub(super) fn asked(&mut self, request: &[u8], now: Now) -> Result<(), Rejection> {
        let Ok(request) = postcard::from_bytes::<Request>(request) else {
            return Err(Rejection::Malformed);
        };
        let me = self.swim.me().about.as_ref().map(|about| about.uid);
        if me != Some(request.uid) {
            return Ok(());
        }
        match request.order {
            Order::Leave => self.leave(now),
            Order::Down => self.depart(Status::Down, now),
        }
        Ok(())
    }
}
