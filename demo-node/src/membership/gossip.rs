//! The protocol: `foca`'s SWIM, sealed, with its timers and some additions.
//!
//! No IO, no clock, not `async`: the caller says what happened and when, sends the datagrams from
//! [`Gossip::next_datagram`], and calls [`Gossip::elapsed`] at [`Gossip::next_deadline`].
//!
//! The additions: finding lost peers again when there is no other peer left to ask, distinguishing nodes that left
//! from nodes that died, and asking a member to leave.

// The parts, each by itself.
mod absent;
mod candidate;
mod channel;
mod config;
mod dead;
mod due;
mod exchange;
mod part;
mod ration;
mod returned;
mod suspicions;
mod swim;
mod view;

// What a node does with them.
mod ask;
mod crossing;
mod departure;
mod entering;
mod states;
mod warning;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use foca::OwnedNotification;
use rand::rngs::StdRng;

use self::{
    absent::Absent,
    candidate::Candidate,
    channel::{Channel, Kind},
    due::Due,
    exchange::Exchange,
    part::Part,
    returned::Returned,
    suspicions::Suspicions,
    swim::{Effect, Swim},
};
use super::{
    echo::Me,
    environment::{Entropy, Now},
    identity::{About, Identity},
    local::{Local, Timing},
    members::{Members, Status},
    timers::Timers,
    traffic::{Rejection, Traffic},
    wire::Wire,
};

pub use channel::DATAGRAM_LIMIT;
pub use exchange::STATE_LIMIT;

/// The limit of a node's description, so that a datagram still has room for news about at least five others.
const ABOUT_LIMIT: usize = 200;

/// Why a node cannot be a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its description must travel in datagrams together with news about others.
    #[error(
        "roles, version and zone take {bytes} bytes with addresses, expected at most {ABOUT_LIMIT}"
    )]
    TooMuchToSay {
        /// How many bytes the description needs.
        bytes: usize,
    },
}

/// One node's part in the protocol.
pub struct Gossip {
    timing: Timing,
    rng: StdRng,
    part: Part,
    swim: Swim,
    channel: Channel,
    absent: Absent,
    suspicions: Suspicions,
    exchange: Exchange,
    returned: Returned,
    candidate: Option<Candidate>,
    timers: Timers<Due>,
    /// The membership as it was last returned, unless it has changed since.
    members: Arc<Members>,
    stale: bool,
}

impl Gossip {
    /// A node in no cluster.
    ///
    /// # Errors
    ///
    /// When the node's description is too long for a datagram.
    pub fn new(settings: Local, mut entropy: Entropy, now: Now) -> Result<Self, Invalid> {
        let about = About {
            management: settings.management,
            uid: settings.uid,
            started_at: settings.started_at,
            roles: settings.roles,
            version: settings.version,
            zone: settings.zone,
        };
        let bytes = postcard::to_stdvec(&about).map_or(usize::MAX, |bytes| bytes.len());
        if ABOUT_LIMIT < bytes {
            return Err(Invalid::TooMuchToSay { bytes });
        }
        let identity = Identity::new(settings.gossip, about);
        let timing = settings.timing;
        let (part, suspicions) = (Part::Outside, Suspicions::default());
        let swim = Swim::new(identity, timing.clone(), entropy.fork());
        Ok(Self {
            members: Arc::new(view::view(part, &swim, &suspicions)),
            stale: false,
            timing,
            rng: entropy.fork(),
            part,
            swim,
            channel: Channel::new(settings.cluster, settings.keyring, entropy, now),
            absent: Absent::default(),
            suspicions,
            exchange: Exchange::default(),
            returned: Returned::default(),
            candidate: None,
            timers: Timers::new(),
        })
    }

    /// Handles a datagram.
    ///
    /// # Errors
    ///
    /// When it is not for this node, with the reason, which is also counted.
    pub fn received(&mut self, datagram: &[u8], now: Now) -> Result<(), Rejection> {
        self.channel.received(datagram);
        self.take_in(datagram, now)
            .inspect_err(|rejection| self.channel.rejected(*rejection))
    }

    /// Answers the question whether this node is there, which changes nothing: see [`echo`](super::echo). False if
    /// the datagram is something else.
    pub fn echo(&mut self, datagram: &[u8], from: SocketAddr, now: Now) -> bool {
        let cluster = self.part.listens_to().map(|formation| formation.id);
        let uid = self.swim.me().about.as_ref().map(|about| about.uid);
        uid.is_some_and(|uid| self.channel.echo(datagram, from, Me { uid, cluster }, now))
    }

    /// Does everything that is due.
    pub fn elapsed(&mut self, now: Now) {
        while self.swim.elapse(now.instant) {
            self.settle(now);
            self.observe(|| None);
        }
        while let Some(due) = self.timers.due(now.instant) {
            match due {
                Due::Warning(node) => self.warn(node, now),
                Due::Ask(pending) => self.ask(pending, now),
                Due::AskAcross => self.ask_across(now),
                Due::Depart => self.depart(Status::Removed, now),
                Due::Farewell(left) => self.farewell(left, now),
            }
        }
        if self.absent.next().is_some_and(|at| at <= now.instant) {
            self.knock(now);
        }
    }

    /// When to call [`elapsed`](Self::elapsed) next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.swim.next_deadline(),
            self.timers.next(),
            self.absent.next(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// A datagram to send. Call this after every other call, until there is none.
    pub fn next_datagram(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.channel.next()
    }

    /// Notes that a datagram could not be sent.
    pub fn unsent(&mut self) {
        self.channel.unsent();
    }

    /// Counts of the traffic so far.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        self.channel.traffic()
    }

    /// The current membership. The same value until something changes.
    pub fn members(&mut self) -> &Arc<Members> {
        if std::mem::take(&mut self.stale) {
            self.members = Arc::new(view::view(self.part, &self.swim, &self.suspicions));
        }
        &self.members
    }

    fn take_in(&mut self, datagram: &[u8], now: Now) -> Result<(), Rejection> {
        let formation = self.part.listens_to().ok_or(Rejection::NoCluster)?;
        let opened = match self.channel.open(formation, datagram, now) {
            Err(Rejection::OtherCluster) => return self.heard_across(datagram, now),
            opened => opened?,
        };
        match opened {
            (Kind::Protocol, message) => {
                let weighed = self.weighed(message, now);
                let (sender, message) = weighed.map_err(|_error| Rejection::Malformed)?;
                let understood = self.swim.receive(&message);
                self.settle(now);
                understood.map_err(|swim::Malformed| Rejection::Malformed)?;
                self.observe(|| Some(sender));
                Ok(())
            }
            (Kind::Ask, request) => self.asked(&request, now),
            (Kind::Across, message) => self.asked_across(&message, now),
        }
    }

    /// The sender of a message, and the message without outdated parts.
    fn weighed(
        &self,
        message: Vec<u8>,
        now: Now,
    ) -> Result<(SocketAddr, Vec<u8>), postcard::Error> {
        let sender = Wire::sender(&message)?;
        if !self.was_cut_off(sender, now) {
            return Ok((sender, message));
        }
        let (header, mut news) = Wire::read(&message)?;
        let all = news.len();
        news.retain(|news| !returned::is_out_of_date(news, &self.swim));
        if news.len() == all {
            return Ok((sender, message));
        }
        Ok((sender, Wire::write(&header, &news)?))
    }

    /// Whether this node's news about dead members may be out of date, because it is coming back or has just come
    /// back.
    fn was_cut_off(&self, node: SocketAddr, now: Now) -> bool {
        self.absent.contains(node) || self.returned.is_one(node, now.instant)
    }

    /// Does what follows from a call of the protocol.
    fn settle(&mut self, now: Now) {
        while let Some(effect) = self.swim.next_effect(now.instant) {
            match effect {
                Effect::Send(to, message) => self.send(to, Kind::Protocol, &message, now),
                Effect::Suspects(node) => {
                    if self.suspicions.warn(node) {
                        self.warn(node, now);
                    }
                }
                Effect::Notice(notice) => self.take_notice(notice, now),
            }
        }
    }

    fn take_notice(&mut self, notice: OwnedNotification<Identity>, now: Now) {
        self.stale = true;
        match notice {
            OwnedNotification::MemberUp(id) => {
                if self.absent.remove(id.gossip, now.instant) {
                    self.returned.add(id.gossip, now.instant);
                }
            }
            OwnedNotification::MemberDown(id) => {
                if !id.leaving {
                    self.absent.add(id.gossip, now.instant);
                }
            }
            OwnedNotification::Active => {
                if let Part::Joining(formation) = self.part {
                    self.stand(Part::Up(formation));
                }
            }
            OwnedNotification::Rejoin(id) => {
                tracing::info!(
                    generation = id.generation,
                    "other members took this node for dead; coming back"
                );
                self.absent.try_soon(now.instant);
            }
            OwnedNotification::Idle
            | OwnedNotification::Defunct
            | OwnedNotification::Rename(..) => {}
        }
    }

    /// Notes which members do not answer, and who found that out: the sender of the news, or this node.
    fn observe(&mut self, teller: impl FnOnce() -> Option<SocketAddr>) {
        if self.suspicions.review(&self.swim, teller) {
            self.stale = true;
        }
    }

    /// Tries missing peers. A peer in the same cluster answers, and both sides learn about each other, whatever they
    /// believed before.
    fn knock(&mut self, now: Now) {
        if self.part.stays_in().is_none() {
            self.absent.stop_trying();
            return;
        }
        let size = self.swim.size();
        let chosen = self
            .absent
            .choose(now.instant, size, &self.timing, &mut self.rng);
        for node in chosen {
            self.swim.announce(node);
        }
        if !self.swim.is_known() {
            // It has told some members its new generation, but datagrams get lost, and `foca` does not probe until
            // one of them writes back: until then, dead members would go unnoticed.
            self.swim.gossip();
            self.swim.connect();
        }
        self.settle(now);
    }

    fn send(&mut self, to: SocketAddr, kind: Kind, message: &[u8], now: Now) {
        if let Some(formation) = self.part.formation() {
            self.channel.send(formation, to, kind, message, now);
        }
    }

    fn stand(&mut self, part: Part) {
        self.part = part;
        self.stale = true;
    }
}

impl std::fmt::Debug for Gossip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gossip")
            .field("me", self.swim.me())
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
