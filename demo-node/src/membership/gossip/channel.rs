//! What a node sends and receives: sealed for one cluster, never accepted twice, and counted.

use std::{collections::VecDeque, net::SocketAddr};

use super::ration::Ration;
use crate::{
    cluster::{ClusterName, Formation},
    membership::{
        echo::{self, Me},
        environment::{Entropy, Now},
        traffic::{Rejection, Traffic},
    },
    seal::{self, Keyring, Nonce, Opened, Purpose, Replays, Scope, Unopened},
};

/// The longest datagram. With the headers of IPv6 and UDP it fits the usual 1500 bytes.
pub const DATAGRAM_LIMIT: usize = PACKET_LIMIT + KIND + seal::OVERHEAD;

/// The longest message of the protocol itself.
pub(super) const PACKET_LIMIT: usize = 1350;

/// How many questions are remembered, so that a repeated recording cannot use up the answers.
const REMEMBERED: usize = 1024;

/// How many bytes identify the kind of a message.
const KIND: usize = 1;

/// What a datagram carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A message of the protocol.
    Protocol = 0,
    /// A request of one member to another.
    Ask = 1,
    /// Between a member of this cluster and a member of another one that wants to join it.
    Across = 2,
}

/// The connection to the others.
#[derive(Debug)]
pub(super) struct Channel {
    cluster: ClusterName,
    keyring: Keyring,
    entropy: Entropy,
    replays: Replays,
    outbox: VecDeque<(SocketAddr, Vec<u8>)>,
    traffic: Traffic,
    echoes: Ration,
    /// Questions that were recently answered, the oldest first.
    answered: VecDeque<Nonce>,
}

impl Channel {
    pub(super) fn new(cluster: ClusterName, keyring: Keyring, entropy: Entropy, now: Now) -> Self {
        Self {
            cluster,
            keyring,
            entropy,
            replays: Replays::new(now.instant),
            outbox: VecDeque::new(),
            traffic: Traffic::default(),
            echoes: Ration::new(now.instant),
            answered: VecDeque::new(),
        }
    }

    /// Queues a message for [`next`](Self::next).
    pub(super) fn send(
        &mut self,
        formation: Formation,
        to: SocketAddr,
        kind: Kind,
        message: &[u8],
        now: Now,
    ) {
        let mut kinded = Vec::with_capacity(KIND + message.len());
        kinded.push(kind as u8);
        kinded.extend(message);
        let datagram = self.seal(Purpose::Gossip, formation, &kinded, now);
        self.outbox.push_back((to, datagram));
    }

    /// Opens a datagram.
    pub(super) fn open(
        &mut self,
        formation: Formation,
        datagram: &[u8],
        now: Now,
    ) -> Result<(Kind, Vec<u8>), Rejection> {
        if DATAGRAM_LIMIT < datagram.len() {
            return Err(Rejection::TooLarge);
        }
        let scope = scope(&self.cluster, Purpose::Gossip, formation);
        let Opened {
            mut message, nonce, ..
        } = self.keyring.open(scope, datagram, now.unix_millis)?;
        if !self.replays.is_first(nonce, now.instant) {
            return Err(Rejection::Replayed);
        }
        let kind = match message.first() {
            Some(0) => Kind::Protocol,
            Some(1) => Kind::Ask,
            Some(2) => Kind::Across,
            Some(_) | None => return Err(Rejection::Malformed),
        };
        message.drain(..KIND);
        Ok((kind, message))
    }

    /// Answers the question whether this node is there, each question once, unless too many are asked. False if the
    /// datagram is something else.
    pub(super) fn echo(&mut self, datagram: &[u8], from: SocketAddr, me: Me, now: Now) -> bool {
        let Some(asked) = echo::asked(&self.keyring, &self.cluster, datagram) else {
            return false;
        };
        self.received(datagram);
        if !self.answered.contains(&asked) && self.echoes.take(now.instant) {
            if self.answered.len() == REMEMBERED {
                self.answered.pop_front();
            }
            self.answered.push_back(asked);
            let fresh = (now.unix_millis, self.entropy.nonce());
            let answer = echo::answer(&self.keyring, &self.cluster, asked, me, fresh);
            self.outbox.push_back((from, answer));
        }
        true
    }

    /// Seals something that is not sent as a datagram.
    pub(super) fn seal(
        &mut self,
        purpose: Purpose,
        formation: Formation,
        message: &[u8],
        now: Now,
    ) -> Vec<u8> {
        let nonce = self.entropy.nonce();
        let scope = scope(&self.cluster, purpose, formation);
        self.keyring.seal(scope, message, now.unix_millis, nonce)
    }

    /// Opens another member's state.
    pub(super) fn open_state(
        &self,
        formation: Formation,
        state: &[u8],
        now: Now,
    ) -> Result<Vec<u8>, Unopened> {
        let scope = scope(&self.cluster, Purpose::State, formation);
        let opened = self.keyring.open(scope, state, now.unix_millis)?;
        Ok(opened.message)
    }

    /// The next datagram to send.
    pub(super) fn next(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let (to, datagram) = self.outbox.pop_front()?;
        self.traffic.sent += 1;
        self.traffic.sent_bytes += datagram.len() as u64;
        Some((to, datagram))
    }

    /// Counts a datagram that could not be sent.
    pub(super) fn unsent(&mut self) {
        self.traffic.unsent += 1;
    }

    /// Counts a received datagram.
    pub(super) fn received(&mut self, datagram: &[u8]) {
        self.traffic.received += 1;
        self.traffic.received_bytes += datagram.len() as u64;
    }

    /// Also counts it as dropped.
    pub(super) fn rejected(&mut self, rejection: Rejection) {
        *self.traffic.rejected.entry(rejection).or_default() += 1;
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

fn scope(cluster: &ClusterName, purpose: Purpose, formation: Formation) -> Scope<'_> {
    Scope {
        purpose,
        cluster,
        id: Some(formation.id),
    }
}
