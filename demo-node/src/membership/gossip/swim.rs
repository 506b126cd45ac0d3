//! `foca`, with its timers: calls go in with the time, [`Effect`]s come out.

use std::{net::SocketAddr, time::Instant};

use foca::{AccumulatingRuntime, Foca, Identity as _, NoCustomBroadcast, OwnedNotification, Timer};
use rand::rngs::StdRng;

use super::{config::config, dead::Dead};
use crate::membership::{identity::Identity, local::Timing, timers::Timers, wire::Wire};

/// SWIM as one node runs it.
pub(super) struct Swim {
    foca: Foca<Identity, Wire, StdRng, NoCustomBroadcast>,
    timing: Timing,
    /// Effects of `foca` that nobody has taken yet.
    wanted: AccumulatingRuntime<Identity>,
    timers: Timers<Timer<Identity>>,
    dead: Dead,
    /// The timer of gossip while there is no news: a node without news sleeps.
    resting_gossip: Option<Timer<Identity>>,
    /// Whether a member is known to know this node's current generation.
    known: bool,
}

/// Something that follows from a call.
#[derive(Debug)]
pub(super) enum Effect {
    /// A message is to be sent.
    Send(SocketAddr, Vec<u8>),
    /// This node has found out that a member does not answer.
    Suspects(SocketAddr),
    /// The membership has changed.
    Notice(OwnedNotification<Identity>),
}

/// A message made no sense.
#[derive(Debug)]
pub(super) struct Malformed;

impl Swim {
    /// A node that knows no other.
    pub(super) fn new(identity: Identity, timing: Timing, rng: StdRng) -> Self {
        Self {
            foca: Foca::new(identity, config(&timing, 1), rng, Wire),
            timing,
            wanted: AccumulatingRuntime::new(),
            timers: Timers::new(),
            dead: Dead::default(),
            resting_gossip: None,
            known: false,
        }
    }

    pub(super) fn me(&self) -> &Identity {
        self.foca.identity()
    }

    /// The others.
    pub(super) fn members(&self) -> impl Iterator<Item = &foca::Member<Identity>> {
        self.foca.iter_members()
    }

    /// The others, and those that are remembered as dead.
    pub(super) fn everyone(&self) -> impl Iterator<Item = &foca::Member<Identity>> {
        self.foca.iter_membership_state()
    }

    /// How many members there are, including this node.
    pub(super) fn size(&self) -> usize {
        self.foca.num_members() + 1
    }

    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Handles a message.
    pub(super) fn receive(&mut self, message: &[u8]) -> Result<(), Malformed> {
        match self.foca.handle_data(message, &mut self.wanted) {
            Ok(()) => Ok(()),
            // Its errors say no more than that.
            Err(_) => Err(Malformed),
        }
    }

    /// Does one thing that is due. Returns whether there was any.
    pub(super) fn elapse(&mut self, now: Instant) -> bool {
        let forgotten = || {
            Some(Timer::RemoveDown(
                self.dead.forget(self.timing.memory, now)?,
            ))
        };
        let Some(timer) = self.timers.due(now).or_else(forgotten) else {
            return false;
        };
        if !self.is_moot(&timer) {
            let result = self.foca.handle_timer(timer, &mut self.wanted);
            note(result);
        }
        true
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let forget = self.dead.next(self.timing.memory);
        [self.timers.next(), forget].into_iter().flatten().min()
    }

    /// Asks the node at an address which members it knows.
    pub(super) fn announce(&mut self, to: SocketAddr) {
        let anyone = Identity::anyone_at(to);
        note(self.foca.announce(anyone, &mut self.wanted));
    }

    /// Tells a few members the news now, at least this node's own generation.
    pub(super) fn gossip(&mut self) {
        note(self.foca.gossip(&mut self.wanted));
    }

    /// Starts to probe the members that it knows, and to gossip.
    pub(super) fn connect(&mut self) {
        self.apply([], false);
    }

    /// Takes over what is known about some members, and passes it on if it is new to the others.
    pub(super) fn apply(
        &mut self,
        members: impl IntoIterator<Item = foca::Member<Identity>>,
        tell: bool,
    ) {
        let members = members.into_iter();
        note(self.foca.apply_many(members, tell, &mut self.wanted));
    }

    /// Announces that this node is about to leave.
    pub(super) fn show_leaving(&mut self) {
        let leaving = self.me().leaving();
        note(self.foca.change_identity(leaving, &mut self.wanted));
    }

    /// Tells a few members that this node is gone.
    pub(super) fn leave(&mut self) {
        note(self.foca.leave_cluster(&mut self.wanted));
    }

    /// Forgets all members, as if the process had just started, with an identity that is newer than any before.
    pub(super) fn start_over(&mut self, former: &Identity, rng: StdRng) {
        let identity = former
            .renew()
            .expect("a node that is up is not leaving, and may come back");
        *self = Self::new(identity, self.timing.clone(), rng);
    }

    /// The next effect. Call this after every other call, until there is none.
    pub(super) fn next_effect(&mut self, now: Instant) -> Option<Effect> {
        if let Some((to, message)) = self.wanted.to_send() {
            return Some(Effect::Send(to.gossip, message.to_vec()));
        }
        while let Some((after, timer)) = self.wanted.to_schedule() {
            let suspect = suspect(&timer).map(|suspect| suspect.id().gossip);
            match timer {
                Timer::PeriodicGossip(_) => self.resting_gossip = Some(timer),
                Timer::RemoveDown(dead) => self.dead.add(dead, now),
                Timer::ProbeRandomMember(_)
                | Timer::SendIndirectProbe { .. }
                | Timer::ChangeSuspectToDown { .. }
                | Timer::PeriodicAnnounce(_)
                | Timer::PeriodicAnnounceDown(_) => self.timers.schedule(now + after, timer),
            }
            if let Some(suspect) = suspect {
                return Some(Effect::Suspects(suspect));
            }
        }
        if self.foca.updates_backlog() != 0
            && let Some(timer) = self.resting_gossip.take()
        {
            self.timers.schedule(now + self.timing.gossip_period, timer);
        }
        let notice = self.wanted.to_notify()?;
        match &notice {
            OwnedNotification::MemberUp(_) | OwnedNotification::MemberDown(_) => {
                let config = config(&self.timing, self.size());
                self.foca
                    .set_config(config)
                    .expect("only what may change differs");
            }
            OwnedNotification::Active => self.known = true,
            OwnedNotification::Idle | OwnedNotification::Defunct | OwnedNotification::Rejoin(_) => {
                self.known = false;
            }
            OwnedNotification::Rename(..) => {}
        }
        Some(Effect::Notice(notice))
    }

    /// Whether a suspected member has objected in time. At the end of a suspicion that is no longer true, `foca`
    /// 2.0.0 changes nothing, but writes to the member that it is dead: then the member comes back with a new
    /// generation for no reason, and a thousand of them never settle.
    fn is_moot(&self, timer: &Timer<Identity>) -> bool {
        suspect(timer).is_some_and(|suspect| !self.members().any(|member| *member == suspect))
    }
}

/// The member that a timer would declare dead.
fn suspect(timer: &Timer<Identity>) -> Option<foca::Member<Identity>> {
    match timer {
        Timer::ChangeSuspectToDown {
            member_id,
            incarnation,
            token: _,
        } => Some(foca::Member::new(
            member_id.clone(),
            *incarnation,
            foca::State::Suspect,
        )),
        Timer::ProbeRandomMember(_)
        | Timer::SendIndirectProbe { .. }
        | Timer::PeriodicAnnounce(_)
        | Timer::PeriodicAnnounceDown(_)
        | Timer::PeriodicGossip(_)
        | Timer::RemoveDown(_) => None,
    }
}

/// Its errors say that a timer came twice, or that a message could not be written.
fn note(result: Result<(), foca::Error>) {
    if let Err(error) = result {
        tracing::warn!(?error, "the membership protocol failed a step");
    }
}
