//! The protocol: `foca`'s SWIM, sealed, with its timers and what it lacks.
//!
//! No IO, no clock, not `async`: whoever drives it says what happened and when, sends the datagrams
//! that [`Gossip::next_datagram`] hands out, and calls [`Gossip::elapsed`] at
//! [`Gossip::next_deadline`].
//!
//! What `foca` lacks: finding back to peers that went missing when there is nobody left to ask,
//! telling who left from who died, and asking a member to go.

mod absent;
mod ask;
mod config;
mod departure;
mod suspicion;
mod switch;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use foca::{AccumulatingRuntime, Foca, NoCustomBroadcast, OwnedNotification};
use rand::rngs::StdRng;

use self::{
    absent::Absent,
    config::config,
    suspicion::{sender, suspect},
};
use super::{
    Entropy, Members, MergeError, Refused, Rejection, Settings, Status, Timing, Traffic,
    identity::{About, Identity, Wire},
    timers::Timers,
};
use crate::{
    cluster::{ClusterName, Formation},
    seal::{self, Keyring, Purpose, Replays, Scope},
};

/// The longest datagram. With the headers of IPv6 and UDP it fits the usual 1500 bytes.
pub const DATAGRAM_LIMIT: usize = PACKET_LIMIT + KIND + seal::OVERHEAD;

/// The longest state that is taken over: some 50,000 members.
pub const STATE_LIMIT: usize = 4 << 20;

/// The longest message of the protocol itself.
const PACKET_LIMIT: usize = 1350;

/// How long a sealed state is handed out again. Whoever asks often, which needs no key, shall not
/// keep the node busy; and news travels by gossip.
const STATE_KEPT: Duration = Duration::from_millis(100);

/// Tells the protocol's messages from requests.
const KIND: usize = 1;
const KIND_PROTOCOL: u8 = 0;
const KIND_ASK: u8 = 1;

/// What a node may say of itself, so that a datagram has room for news of five others at least.
const ABOUT_LIMIT: usize = 200;

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// By the monotonic clock, that timers go by.
    pub instant: Instant,
    /// By the wall clock, that seals are stamped with.
    pub unix_millis: u64,
}

/// Why a node cannot be a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// What it says of itself must travel in datagrams together with news of others.
    #[error(
        "roles, version and zone take {bytes} bytes with addresses, expected at most {ABOUT_LIMIT}"
    )]
    TooMuchToSay {
        /// How many bytes it takes to say.
        bytes: usize,
    },
}

/// One node's part in the protocol.
pub struct Gossip {
    cluster: ClusterName,
    keyring: Keyring,
    timing: Timing,
    entropy: Entropy,
    rng: StdRng,

    phase: Phase,
    formation: Option<Formation>,
    foca: Foca<Identity, Wire, StdRng, NoCustomBroadcast>,
    /// What `foca` wants done; empty between calls.
    effects: AccumulatingRuntime<Identity>,
    timers: Timers<Due>,
    /// The timer of gossip, while there is no news: a node with nothing to tell sleeps.
    resting_gossip: Option<foca::Timer<Identity>>,

    absent: Absent,
    /// Whether any member is known to know this node by its present generation.
    known: bool,

    /// Members that do not answer, and who says so.
    suspects: BTreeMap<SocketAddr, SocketAddr>,
    /// Those of them that this node found out, and tells.
    warned: BTreeSet<SocketAddr>,
    /// Whether it has another member's full state already.
    merged: bool,
    /// The full state, as it was last asked for.
    state: Option<(Instant, Vec<u8>)>,

    replays: Replays,
    outbox: VecDeque<(SocketAddr, Vec<u8>)>,
    traffic: Traffic,
    members: Arc<Members>,
    stale: bool,
}

/// Where the node stands. It only ever moves down this list, unless it switches to another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Has not been told of a cluster.
    Outside,
    /// Has been told of one, and asks to be let in.
    Joining,
    /// Is a member.
    Up,
    /// Shows the others that it is about to leave.
    Leaving,
    /// Is gone, and tells the others.
    Departing(Status),
    /// Is gone.
    Gone(Status),
}

/// What falls due.
#[derive(Debug)]
enum Due {
    Protocol(foca::Timer<Identity>),
    Warning(SocketAddr),
    Ask(ask::Pending),
    Depart,
    Farewell(u32),
}

impl Gossip {
    /// A node in no cluster.
    ///
    /// # Errors
    ///
    /// Where what it says of itself is too long for a datagram.
    pub fn new(settings: Settings, mut entropy: Entropy, now: Now) -> Result<Self, Invalid> {
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
        let identity = Identity::new(settings.node, about);
        let foca = Foca::new(
            identity.clone(),
            config(&settings.timing, 1),
            entropy.fork(),
            Wire,
        );
        Ok(Self {
            cluster: settings.cluster,
            keyring: settings.keyring,
            timing: settings.timing,
            rng: entropy.fork(),
            entropy,
            phase: Phase::Outside,
            formation: None,
            members: Arc::new(view::outside(&identity)),
            foca,
            effects: AccumulatingRuntime::new(),
            timers: Timers::new(),
            resting_gossip: None,
            absent: Absent::default(),
            known: false,
            suspects: BTreeMap::new(),
            warned: BTreeSet::new(),
            merged: false,
            state: None,
            replays: Replays::new(now.instant),
            outbox: VecDeque::new(),
            traffic: Traffic::default(),
            stale: false,
        })
    }

    /// Starts a cluster: see [`Handle::found`](super::Handle::found).
    ///
    /// # Errors
    ///
    /// Where the node is in another cluster, or on its way out.
    pub fn found(&mut self, formation: Formation, now: Now) -> Result<(), Refused> {
        self.enter(formation)?;
        if self.phase == Phase::Joining {
            self.phase = Phase::Up;
            self.stale = true;
        }
        self.absent.try_soon(now.instant);
        Ok(())
    }

    /// Asks to be let in: see [`Handle::join`](super::Handle::join).
    ///
    /// # Errors
    ///
    /// Where the node is in another cluster, or on its way out.
    pub fn join(
        &mut self,
        formation: Formation,
        seeds: &[SocketAddr],
        now: Now,
    ) -> Result<(), Refused> {
        self.enter(formation)?;
        let me = self.foca.identity().node;
        let present: BTreeSet<_> = self.foca.iter_members().map(|m| m.id().node).collect();
        for seed in seeds {
            if *seed != me && !present.contains(seed) {
                self.absent.add(*seed, now.instant);
            }
        }
        self.absent.try_soon(now.instant);
        Ok(())
    }

    /// Takes in a datagram.
    ///
    /// # Errors
    ///
    /// Where it is not for this node to read, with the reason, which is also counted.
    pub fn received(&mut self, datagram: &[u8], now: Now) -> Result<(), Rejection> {
        self.traffic.received += 1;
        self.traffic.received_bytes += datagram.len() as u64;
        let result = self.open(datagram, now);
        if let Err(rejection) = result {
            *self.traffic.rejected.entry(rejection).or_default() += 1;
        }
        result
    }

    /// Does everything that is due.
    pub fn elapsed(&mut self, now: Now) {
        while let Some(due) = self.timers.due(now.instant) {
            match due {
                Due::Protocol(timer) if self.is_moot(&timer) => {}
                Due::Protocol(timer) => {
                    let result = self.foca.handle_timer(timer, &mut self.effects);
                    self.settle(result, now);
                    self.observe(|| None);
                }
                Due::Warning(node) => self.warn(node, now),
                Due::Ask(pending) => self.ask(&pending, now),
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
        self.timers
            .next()
            .into_iter()
            .chain(self.absent.next())
            .min()
    }

    /// A datagram to be sent. Call until there is none, after every other call.
    pub fn next_datagram(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let (to, datagram) = self.outbox.pop_front()?;
        self.traffic.sent += 1;
        self.traffic.sent_bytes += datagram.len() as u64;
        Some((to, datagram))
    }

    /// Notes that a datagram could not be sent.
    pub fn unsent(&mut self) {
        self.traffic.unsent += 1;
    }

    /// What passed so far.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The membership as of now. The same value for as long as nothing changes.
    pub fn members(&mut self) -> &Arc<Members> {
        if std::mem::take(&mut self.stale) {
            self.members = Arc::new(self.view());
        }
        &self.members
    }

    /// Everything known: see [`Handle::state`](super::Handle::state).
    ///
    /// # Errors
    ///
    /// Where the node is not a member.
    pub fn state(&mut self, now: Now) -> Result<Vec<u8>, Refused> {
        if self.phase != Phase::Up {
            return Err(self.refusal());
        }
        if let Some((at, state)) = &self.state
            && now.instant.saturating_duration_since(*at) < STATE_KEPT
        {
            return Ok(state.clone());
        }
        let nonce = self.entropy.nonce();
        let Some(scope) = self.scope(Purpose::State) else {
            return Err(self.refusal());
        };
        // The first is the one who speaks.
        let me = foca::Member::alive(self.foca.identity().clone());
        let all = std::iter::once(&me).chain(self.foca.iter_membership_state());
        let message = Wire::write_all(all).expect("active members say who they are");
        let state = self.keyring.seal(scope, &message, now.unix_millis, nonce);
        self.state = Some((now.instant, state.clone()));
        Ok(state)
    }

    /// Takes over what another knows: see [`Handle::merge`](super::Handle::merge).
    ///
    /// # Errors
    ///
    /// Where it is of another cluster, forged or old, or this node is in no cluster.
    pub fn merge(&mut self, state: &[u8], now: Now) -> Result<(), MergeError> {
        let (Phase::Joining | Phase::Up, Some(scope)) = (self.phase, self.scope(Purpose::State))
        else {
            return Err(MergeError::Refused(self.refusal()));
        };
        if STATE_LIMIT < state.len() {
            return Err(MergeError::Malformed);
        }
        let opened = self
            .keyring
            .open(scope, state, now.unix_millis)
            .map_err(MergeError::Unopened)?;
        let Ok(members) = Wire::read_all(&opened.message) else {
            return Err(MergeError::Malformed);
        };
        let teller = members.first().map(|member| member.id().node);
        // What a newcomer learns first, the others know: it need not tell them.
        let tell = std::mem::replace(&mut self.merged, true);
        let result = self
            .foca
            .apply_many(members.into_iter(), tell, &mut self.effects);
        self.settle(result, now);
        self.observe(|| teller);
        Ok(())
    }

    /// Becomes part of a cluster, if it is in no other.
    fn enter(&mut self, formation: Formation) -> Result<(), Refused> {
        match (self.phase, self.formation) {
            (Phase::Outside, _) | (Phase::Joining, None) => {}
            (Phase::Joining | Phase::Up, Some(current)) if current.id == formation.id => {
                return Ok(());
            }
            // It was never let in, so nobody there misses it, and it knows nobody.
            (Phase::Joining, Some(_)) => self.absent.clear(),
            (Phase::Up | Phase::Leaving | Phase::Departing(_) | Phase::Gone(_), _) => {
                return Err(self.refusal());
            }
        }
        self.phase = Phase::Joining;
        self.formation = Some(formation);
        self.stale = true;
        Ok(())
    }

    /// Why a request cannot be met in this phase.
    fn refusal(&self) -> Refused {
        match (self.phase, self.formation) {
            (Phase::Up, Some(formation)) => Refused::OtherCluster(formation),
            (Phase::Outside | Phase::Joining | Phase::Up, _) => Refused::NotMember,
            (Phase::Leaving | Phase::Departing(_) | Phase::Gone(_), _) => Refused::Leaving,
        }
    }

    fn open(&mut self, datagram: &[u8], now: Now) -> Result<(), Rejection> {
        let (Phase::Joining | Phase::Up | Phase::Leaving, Some(scope)) =
            (self.phase, self.scope(Purpose::Gossip))
        else {
            return Err(Rejection::NoCluster);
        };
        if DATAGRAM_LIMIT < datagram.len() {
            return Err(Rejection::TooLarge);
        }
        let opened = self.keyring.open(scope, datagram, now.unix_millis)?;
        if !self.replays.is_first(opened.nonce, now.instant) {
            return Err(Rejection::Replayed);
        }
        match opened.message.split_first() {
            Some((&KIND_PROTOCOL, message)) => {
                let result = self.foca.handle_data(message, &mut self.effects);
                let understood = result.is_ok();
                self.settle(Ok(()), now);
                if !understood {
                    return Err(Rejection::Malformed);
                }
                self.observe(|| sender(message));
                Ok(())
            }
            Some((&KIND_ASK, request)) => self.asked(request, now),
            Some(_) | None => Err(Rejection::Malformed),
        }
    }

    /// Does what `foca` wants done.
    fn settle(&mut self, result: Result<(), foca::Error>, now: Now) {
        if let Err(error) = result {
            // Its errors say that a timer came twice or a message could not be written.
            tracing::warn!(?error, "the membership protocol failed a step");
        }
        while let Some((to, message)) = self.effects.to_send() {
            self.send(to.node, KIND_PROTOCOL, &message, now);
        }
        while let Some((after, timer)) = self.effects.to_schedule() {
            if let Some(suspect) = suspect(&timer)
                && self.warned.insert(suspect.id().node)
            {
                self.warn(suspect.id().node, now);
            }
            if matches!(timer, foca::Timer::PeriodicGossip(_)) {
                self.resting_gossip = Some(timer);
            } else {
                self.timers
                    .schedule(now.instant + after, Due::Protocol(timer));
            }
        }
        if self.foca.updates_backlog() != 0
            && let Some(timer) = self.resting_gossip.take()
        {
            let due = now.instant + self.timing.gossip_period;
            self.timers.schedule(due, Due::Protocol(timer));
        }
        let mut resized = false;
        while let Some(notification) = self.effects.to_notify() {
            self.stale = true;
            match notification {
                OwnedNotification::MemberUp(id) => {
                    resized = true;
                    self.absent.remove(id.node, now.instant);
                }
                OwnedNotification::MemberDown(id) => {
                    resized = true;
                    if !id.leaving {
                        self.absent.add(id.node, now.instant);
                    }
                }
                OwnedNotification::Active => {
                    self.known = true;
                    if self.phase == Phase::Joining {
                        self.phase = Phase::Up;
                    }
                }
                OwnedNotification::Rejoin(id) => {
                    tracing::info!(
                        generation = id.generation,
                        "was taken for dead, coming back"
                    );
                    self.known = false;
                    self.absent.try_soon(now.instant);
                }
                OwnedNotification::Idle | OwnedNotification::Defunct => self.known = false,
                OwnedNotification::Rename(..) => {}
            }
        }
        if resized {
            let config = config(&self.timing, self.foca.num_members() + 1);
            self.foca
                .set_config(config)
                .expect("only what may change differs");
        }
    }

    /// Tries peers that ought to be there. Whoever is in the same cluster answers, and both sides
    /// learn of each other whatever they thought before.
    fn knock(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Joining | Phase::Up) {
            self.absent.stop_trying();
            return;
        }
        let size = self.foca.num_members() + 1;
        let chosen = self
            .absent
            .choose(now.instant, size, &self.timing, &mut self.rng);
        for node in chosen {
            let anyone = Identity::anyone_at(node);
            let result = self.foca.announce(anyone, &mut self.effects);
            self.settle(result, now);
        }
        if !self.known {
            // It has told some members of its new generation, but datagrams get lost, and until
            // one of them writes back it neither probes nor gossips.
            let result = self.foca.gossip(&mut self.effects);
            self.settle(result, now);
        }
    }

    fn send(&mut self, to: SocketAddr, kind: u8, message: &[u8], now: Now) {
        let nonce = self.entropy.nonce();
        let Some(scope) = self.scope(Purpose::Gossip) else {
            return;
        };
        let mut kinded = Vec::with_capacity(KIND + message.len());
        kinded.push(kind);
        kinded.extend(message);
        let datagram = self.keyring.seal(scope, &kinded, now.unix_millis, nonce);
        self.outbox.push_back((to, datagram));
    }

    fn scope(&self, purpose: Purpose) -> Option<Scope<'_>> {
        Some(Scope {
            purpose,
            cluster: &self.cluster,
            id: Some(self.formation?.id),
        })
    }
}

impl std::fmt::Debug for Gossip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gossip")
            .field("me", self.foca.identity())
            .field("phase", &self.phase)
            .field("formation", &self.formation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
