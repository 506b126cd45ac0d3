//! Asking a member to go.
//!
//! The request is a sealed datagram of its own and is repeated, since datagrams get lost.
//! It names the process, so that one that has meanwhile taken over the address is left alone.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Due, Gossip, KIND_ASK, Now, Phase};
use crate::{
    cluster::NodeUid,
    membership::{Refused, Rejection, Status},
};

const TRIES: u32 = 5;
const INTERVAL: Duration = Duration::from_millis(200);

/// A request that is being repeated.
#[derive(Debug)]
pub(super) struct Pending {
    to: SocketAddr,
    request: Request,
    tries_left: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Request {
    uid: NodeUid,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Order {
    /// Leave in good order.
    Leave,
    /// Be gone: the others have been told already.
    Down,
}

impl Gossip {
    /// Asks a member to leave: see [`Handle::leave_member`](crate::membership::Handle::leave_member).
    ///
    /// # Errors
    ///
    /// Where there is no such member.
    pub fn leave_member(&mut self, node: SocketAddr, now: Now) -> Result<(), Refused> {
        let uid = self.uid_of(node)?;
        if node == self.foca.identity().node {
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
    /// Where there is no such member.
    pub fn down(&mut self, node: SocketAddr, now: Now) -> Result<(), Refused> {
        let uid = self.uid_of(node)?;
        if node == self.foca.identity().node {
            self.depart(Status::Down, now);
            return Ok(());
        }
        // It is told first: hearing from the others that it is dead, it would come back.
        self.order(node, uid, Order::Down, now);
        let dead: Vec<_> = self
            .foca
            .iter_members()
            .filter(|member| member.id().node == node)
            .map(|member| foca::Member::down(member.id().clone()))
            .collect();
        let result = self
            .foca
            .apply_many(dead.into_iter(), true, &mut self.effects);
        self.settle(result, now);
        self.observe(|| None);
        Ok(())
    }

    fn uid_of(&mut self, node: SocketAddr) -> Result<NodeUid, Refused> {
        if self.phase != Phase::Up {
            return Err(self.refusal());
        }
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
        self.ask(&pending, now);
    }

    pub(super) fn ask(&mut self, pending: &Pending, now: Now) {
        let message =
            postcard::to_stdvec(&pending.request).expect("a number and a word can be written");
        self.send(pending.to, KIND_ASK, &message, now);
        if 1 < pending.tries_left {
            let again = Pending {
                to: pending.to,
                request: pending.request,
                tries_left: pending.tries_left - 1,
            };
            self.timers
                .schedule(now.instant + INTERVAL, Due::Ask(again));
        }
    }

    pub(super) fn asked(&mut self, request: &[u8], now: Now) -> Result<(), Rejection> {
        let Ok(request) = postcard::from_bytes::<Request>(request) else {
            return Err(Rejection::Malformed);
        };
        let me = self.foca.identity().about.as_ref().map(|about| about.uid);
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
