//! Going over to another cluster of the same name: only once a member of it has answered.
//!
//! A member that left first would be nowhere, should the other cluster not let it in: it may be out of reach of
//! datagrams, stand still, or have a clock by which nothing from here counts. So the question and the answer are
//! datagrams that are sealed for the other cluster, both ways, as gossip there will be.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Gossip, channel::Kind, due::Due, part::Part};
use crate::{
    cluster::{Formation, NodeUid},
    membership::{environment::Now, handle::Refused, traffic::Rejection},
};

/// How long a cluster has to answer. Whoever looks for clusters names it again, if it is still there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two questions.
const INTERVAL: Duration = Duration::from_millis(200);

/// How many are asked each time; there may be more seeds, and any will do.
const ASKED: usize = 5;

/// The cluster that this node would go over to.
#[derive(Debug)]
pub(super) struct Crossing {
    formation: Formation,
    seeds: BTreeSet<SocketAddr>,
    until: Instant,
}

/// Between a member of one cluster and a member of another, sealed for the other.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Message {
    /// This process, which gossips at that address, would come over.
    MayICome(NodeUid, SocketAddr),
    /// It may: who answers is a member.
    Come(NodeUid),
}

impl Gossip {
    /// Goes over to another cluster: see [`Handle::switch`](crate::membership::Handle::switch).
    ///
    /// Where two clusters of one name have come into being, the members of the younger one end it
    /// by joining the older.
    ///
    /// # Errors
    ///
    /// Where the node is on its way out.
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
        let until = now.instant + PATIENCE;
        match &mut self.crossing {
            Some(crossing) if crossing.formation.id == formation.id => {
                crossing.seeds.extend(seeds);
                crossing.until = until;
            }
            crossing => {
                let asks_already = crossing.is_some();
                *crossing = Some(Crossing {
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

    /// Asks the other cluster, and again until it answers or is out of time.
    pub(super) fn ask_across(&mut self, now: Now) {
        let Some(crossing) = &self.crossing else {
            return;
        };
        if !matches!(self.part, Part::Up(_)) {
            self.crossing = None;
            return;
        }
        if crossing.until <= now.instant {
            tracing::warn!(
                cluster.id = %crossing.formation.id,
                "the other cluster does not answer: staying in this one"
            );
            self.crossing = None;
            return;
        }
        let me = self.swim.me();
        let Some(uid) = me.about.as_ref().map(|about| about.uid) else {
            return;
        };
        let question = encoded(Message::MayICome(uid, me.gossip));
        let formation = crossing.formation;
        for seed in crossing.seeds.iter().take(ASKED) {
            self.channel
                .send(formation, *seed, Kind::Across, &question, now);
        }
        self.timers.schedule(now.instant + INTERVAL, Due::AskAcross);
    }

    /// A member of another cluster asks.
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
        let (Part::Up(_), Some(crossing)) = (self.part, &self.crossing) else {
            return Err(Rejection::OtherCluster);
        };
        let formation = crossing.formation;
        let (kind, message) = self.channel.open(formation, datagram, now)?;
        let me = self.swim.me().about.as_ref().map(|about| about.uid);
        match kind {
            Kind::Across => match decoded(&message)? {
                Message::Come(uid) if Some(uid) == me => {}
                Message::Come(_) | Message::MayICome(..) => return Ok(()),
            },
            Kind::Protocol | Kind::Ask => return Err(Rejection::OtherCluster),
        }
        if let Some(Crossing { seeds, .. }) = self.crossing.take() {
            let seeds: Vec<_> = seeds.into_iter().collect();
            self.take_leave(now);
            // Nothing speaks against it: this node is outside now.
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
