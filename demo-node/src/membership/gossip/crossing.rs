//! Joining another cluster with the same name: only after a member of it has answered.
//!
//! If a member left first, it would be in no cluster if the other cluster does not let it in: that cluster may be
//! unreachable by datagrams, may not run, or may have a clock with which nothing from here is valid. So question and
//! answer are datagrams that are sealed for the other cluster in both directions, like its gossip later.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Gossip,
    candidate::{self, Candidate},
    channel::Kind,
    due::Due,
    part::Part,
};
use crate::{
    cluster::{Formation, NodeUid},
    membership::{environment::Now, handle::Refused, traffic::Rejection},
};

/// The pause between two questions.
const INTERVAL: Duration = Duration::from_millis(200);

/// How many are asked each time; there may be more seeds, and any one is enough.
const ASKED: usize = 5;

/// Between a member of one cluster and a member of another, sealed for the other.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Message {
    /// This process, which gossips at that address, wants to join.
    MayICome(NodeUid, SocketAddr),
    /// It may join: the sender is a member.
    Come(NodeUid),
}

impl Gossip {
    /// Goes over to another cluster: see [`Handle::switch`](crate::membership::Handle::switch).
    ///
    /// If two clusters with the same name exist, the members of the younger one end it by joining the older.
    ///
    /// # Errors
    ///
    /// When the node is leaving.
    pub fn switch(
        &mut self,
        formation: Formation,
        seeds: &[SocketAddr],
        now: Now,
    ) -> Result<(), Refused> {
        match self.part {
            Part::Up(current) if current.id != formation.id => {}
            _ => return self.join(formation, seeds, now),
        }
        let until = now.instant + candidate::PATIENCE;
        match &mut self.candidate {
            Some(candidate) if candidate.formation.id == formation.id => {
                candidate.seeds.extend(seeds);
                candidate.until = until;
            }
            candidate => {
                let asks_already = candidate.is_some();
                *candidate = Some(Candidate {
                    formation,
                    seeds: seeds.iter().copied().collect(),
                    until,
                });
                if !asks_already {
                    self.ask_across(now);
                }
            }
        }
        Ok(())
    }

    /// Asks the other cluster, repeatedly, until it answers or the time is over.
    pub(super) fn ask_across(&mut self, now: Now) {
        let Some(candidate) = &self.candidate else {
            return;
        };
        if !matches!(self.part, Part::Up(_)) {
            self.candidate = None;
            return;
        }
        if candidate.until <= now.instant {
            tracing::warn!(
                cluster.id = %candidate.formation.id,
                "the other cluster does not answer: staying in this one"
            );
            self.candidate = None;
            return;
        }
        let me = self.swim.me();
        let Some(uid) = me.about.as_ref().map(|about| about.uid) else {
            return;
        };
        let question = encoded(Message::MayICome(uid, me.gossip));
        let formation = candidate.formation;
        for seed in candidate.seeds.iter().take(ASKED) {
            self.channel
                .send(formation, *seed, Kind::Across, &question, now);
        }
        self.timers.schedule(now.instant + INTERVAL, Due::AskAcross);
    }

    /// A member of another cluster asks to join.
    pub(super) fn asked_across(&mut self, message: &[u8], now: Now) -> Result<(), Rejection> {
        let Part::Up(formation) = self.part else {
            return Ok(());
        };
        if let Message::MayICome(uid, from) = decoded(message)? {
            let answer = encoded(Message::Come(uid));
            self.channel
                .send(formation, from, Kind::Across, &answer, now);
        }
        Ok(())
    }

    /// A datagram that is not of this node's cluster: the answer of the other one, or nothing.
    pub(super) fn heard_across(&mut self, datagram: &[u8], now: Now) -> Result<(), Rejection> {
        let (Part::Up(_), Some(candidate)) = (self.part, &self.candidate) else {
            return Err(Rejection::OtherCluster);
        };
        let formation = candidate.formation;
        let (kind, message) = self.channel.open(formation, datagram, now)?;
        let me = self.swim.me().about.as_ref().map(|about| about.uid);
        match kind {
            Kind::Across => match decoded(&message)? {
                Message::Come(uid) if Some(uid) == me => {}
                Message::Come(_) | Message::MayICome(..) => return Ok(()),
            },
            Kind::Protocol | Kind::Ask => return Err(Rejection::OtherCluster),
        }
        if let Some(Candidate { seeds, .. }) = self.candidate.take() {
            let seeds: Vec<_> = seeds.into_iter().collect();
            self.take_leave(now);
            // Nothing forbids it: this node is in no cluster now.
            let _joining = self.join(formation, &seeds, now);
        }
        Ok(())
    }
}

fn encoded(message: Message) -> Vec<u8> {
    postcard::to_stdvec(&message).expect("numbers and an address can be written")
}

fn decoded(message: &[u8]) -> Result<Message, Rejection> {
    postcard::from_bytes(message).map_err(|_unreadable| Rejection::Malformed)
}
