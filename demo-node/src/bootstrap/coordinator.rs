//! Everything that a node does between its start and its membership, and the watch it keeps after.
//!
//! It puts the rules ([`State`]), the votes ([`Acceptor`], [`Proposer`]) and the pace together, and
//! is still pure: inputs come in with the time, outputs go out to be carried out by
//! [`super::run`] or by a simulation.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::{Discriminant, discriminant},
    time::{Duration, Instant},
};

use rand::{Rng, RngExt, seq::IteratorRandom};
use serde::{Deserialize, Serialize};

use super::{
    ContactPoint,
    founding::{Acceptor, Founder, Proposal, Proposer, Reply, Request, Step},
    pacing::{self, Backoff},
    state::{Decision, Event, Expectation, KnownCluster, Rules, State, WaitReason},
};
use crate::cluster::{ClusterId, Formation, NodeUid};

/// What a coordinator needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rules of founding.
    pub rules: Rules,
    /// This node, should it found a cluster.
    pub me: Founder,
    /// The number of expected nodes, or that it must be asked for.
    pub expectation: Expectation,
    /// The pause between lookups.
    pub interval: Duration,
    /// Added to pauses between lookups, at most this share.
    pub random_factor: f64,
    /// The longest pause between lookups that fail.
    pub backoff_max: Duration,
    /// The pause between two probes of a contact point.
    pub probe_interval: Duration,
    /// Added to pauses between probes, at most this share.
    pub probe_interval_jitter: f64,
    /// What to do when another cluster of the same name is found after joining.
    pub on_rival: OnRival,
}

/// What a member does about another cluster of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRival {
    /// Raise the alarm.
    Alarm,
    /// Raise the alarm; the younger cluster joins the older.
    Merge,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed: something may be due.
    Tick,
    /// A lookup ended.
    Lookup(Lookup),
    /// The number of expected nodes was asked for. [`Expectation::Asking`] means: ask again.
    Expected(Expectation),
    /// A contact point was probed.
    Probe(ContactPoint, Option<Answer>),
    /// A proposer asks this node. The reply is in the outputs.
    Request(Request),
    /// An acceptor replied to this node.
    Reply(NodeUid, Reply),
    /// This node's standing in a cluster changed.
    Standing(Standing),
}

/// How a lookup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// With all there is.
    Complete(BTreeSet<ContactPoint>),
    /// With some of it.
    Partial {
        /// Whom it names.
        contact_points: BTreeSet<ContactPoint>,
        /// Whether calls have failed: asking again at once would make it worse.
        hindered: bool,
    },
    /// Without a view.
    Failed,
}

/// What a contact point answers to a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The process that answers.
    pub uid: NodeUid,
    /// The cluster it is a member of.
    pub cluster: Option<KnownCluster>,
}

/// Whether this node is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not yet.
    Outside,
    /// Yes.
    Member {
        /// Of which cluster.
        formation: Formation,
        /// Where the members answer.
        contact_points: BTreeSet<ContactPoint>,
    },
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Look up the service.
    Lookup,
    /// Ask for the number of expected nodes.
    AskExpected,
    /// Probe a contact point.
    Probe(ContactPoint),
    /// Send to a contact point, for this process there and no other.
    Send(ContactPoint, NodeUid, Request),
    /// Answer the request that came in.
    Reply(Reply),
    /// Start this cluster, alone in it for now.
    Start(Formation),
    /// Join this cluster.
    Join(KnownCluster),
    /// Two clusters of one name exist: this node's or the one it joins, and another.
    Alarm {
        /// The one that goes first.
        older: Formation,
        /// The other.
        younger: Formation,
    },
}

/// What the bootstrap waits for or does, for people and tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// A rule is not met.
    #[error("{reason}")]
    Waiting {
        /// Which.
        reason: WaitReason,
    },
    /// Asking the contact points to consent to a new cluster.
    #[error("asking {quorum} contact points to consent to a new cluster, round {round}")]
    Founding {
        /// The attempt.
        round: u64,
        /// How many must consent.
        quorum: usize,
    },
    /// A cluster was decided on or found; becoming a member of it.
    #[error("joining cluster {}", .formation.id)]
    Joining {
        /// Which.
        formation: Formation,
    },
    /// A member.
    #[error("member of cluster {}", .formation.id)]
    Member {
        /// Of which cluster.
        formation: Formation,
    },
}

impl Phase {
    /// The phase without its numbers, and the rule that is not met without its.
    #[must_use]
    pub fn kind(&self) -> (Discriminant<Self>, Option<Discriminant<WaitReason>>) {
        let rule = match self {
            Self::Waiting { reason } => Some(discriminant(reason)),
            Self::Founding { .. } | Self::Joining { .. } | Self::Member { .. } => None,
        };
        (discriminant(self), rule)
    }
}

/// The coordinator of one node.
#[derive(Debug)]
pub struct Coordinator {
    settings: Settings,
    state: State,
    /// What it decided in this turn.
    decision: Decision,
    acceptor: Acceptor,
    attempt: Option<Attempt>,
    /// The highest round used or heard of.
    round: u64,
    /// When another attempt may start, and how many have failed.
    attempt_after: Option<Instant>,
    attempts_failed: u32,
    standing: Standing,
    /// The cluster being joined or started, and since when.
    joining: Option<(KnownCluster, Instant)>,
    /// The founder that was decided on and does not answer, and since when.
    founder_silent: Option<(NodeUid, Instant)>,
    /// Pairs of clusters, the older first, that the alarm was raised for.
    alarmed: BTreeSet<(ClusterId, ClusterId)>,
    lookup: Schedule,
    lookup_backoff: Backoff,
    /// Rests while this node is a member, who founds nothing.
    expected: Schedule,
    expected_backoff: Backoff,
    probes: BTreeMap<ContactPoint, Schedule>,
}

/// One thing that is done again and again, never twice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schedule {
    Due(Instant),
    UnderWay,
    Off,
}

#[derive(Debug)]
struct Attempt {
    proposer: Proposer,
    round: u64,
    quorum: usize,
    /// The other processes that are asked.
    among: BTreeMap<ContactPoint, NodeUid>,
    gives_up_at: Instant,
}

/// How long an attempt waits for its quorum, in probe intervals.
const ATTEMPT_PATIENCE: u32 = 2;

/// How long a join may take before what discovery says is looked at afresh.
const JOIN_PATIENCE: Duration = Duration::from_secs(5);

/// How many contact points a member probes after each look at discovery.
const WATCH_PROBES: usize = 3;

// === impl Coordinator ===

impl Coordinator {
    /// A node that has just started, at `now`.
    #[must_use]
    pub fn new(settings: Settings, now: Instant) -> Self {
        let expected = match settings.expectation {
            Expectation::Asking => Schedule::Due(now),
            Expectation::Known(_) | Expectation::Unknown => Schedule::Off,
        };
        let backoff = Backoff::new(
            settings.interval,
            settings.backoff_max,
            settings.random_factor,
        );
        let state = State::new(settings.rules.clone(), settings.expectation);
        Self {
            decision: state.decide(now),
            state,
            acceptor: Acceptor::default(),
            attempt: None,
            round: 0,
            attempt_after: None,
            attempts_failed: 0,
            standing: Standing::Outside,
            joining: None,
            founder_silent: None,
            alarmed: BTreeSet::new(),
            lookup: Schedule::Due(now),
            lookup_backoff: backoff.clone(),
            expected,
            expected_backoff: backoff,
            probes: BTreeMap::new(),
            settings,
        }
    }

    /// Takes one input and says what to do about it.
    ///
    /// `founded_at` is the wall clock, in milliseconds since 1970: should this node propose a cluster
    /// now, that is when it was founded.
    pub fn handle(
        &mut self,
        now: Instant,
        founded_at: u64,
        input: Input,
        rng: &mut impl Rng,
    ) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Tick => {}
            Input::Lookup(lookup) => self.looked_up(now, lookup, rng),
            Input::Expected(expectation) => self.expected(now, expectation, rng),
            Input::Probe(point, answer) => self.probed(now, point, answer, rng, &mut out),
            Input::Request(request) => self.asked(now, request, &mut out),
            Input::Reply(from, reply) => self.replied(now, from, reply, rng, &mut out),
            Input::Standing(standing) => self.stands(now, standing, rng),
        }
        self.proceed(now, founded_at, rng, &mut out);
        self.fall_due(now, &mut out);
        out
    }

    /// When [`Input::Tick`] is wanted at the latest: later than `now`, once everything due now has
    /// been [handled](Self::handle).
    #[must_use]
    pub fn next_wakeup(&self, now: Instant) -> Instant {
        let due = |schedule: &Schedule| match schedule {
            Schedule::Due(at) => Some(*at),
            Schedule::UnderWay | Schedule::Off => None,
        };
        let outside = self.standing == Standing::Outside;
        due(&self.lookup)
            .into_iter()
            .chain(due(&self.expected).filter(|_| outside))
            .chain(self.probes.values().filter_map(due))
            .chain(self.attempt.as_ref().map(|attempt| attempt.gives_up_at))
            .chain(self.attempt_after.filter(|at| outside && now < *at))
            .chain(
                self.joining
                    .as_ref()
                    .map(|(_, since)| *since + JOIN_PATIENCE),
            )
            .chain(self.state.next_change().filter(|at| outside && now < *at))
            .min()
            .unwrap_or(now + self.settings.interval)
            .max(now)
    }

    /// What the node waits for or does, as of the latest turn.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if let Standing::Member { formation, .. } = self.standing {
            return Phase::Member { formation };
        }
        if let Some((cluster, _)) = &self.joining {
            return Phase::Joining {
                formation: cluster.formation,
            };
        }
        if let Some(attempt) = &self.attempt {
            return Phase::Founding {
                round: attempt.round,
                quorum: attempt.quorum,
            };
        }
        match &self.decision {
            Decision::Wait(reason) => Phase::Waiting {
                reason: reason.clone(),
            },
            Decision::Found { quorum, .. } => Phase::Founding {
                round: self.round,
                quorum: *quorum,
            },
            Decision::Join { cluster, .. } => Phase::Joining {
                formation: cluster.formation,
            },
        }
    }

    /// Whether a contact point is known to be in this node's cluster.
    #[must_use]
    pub fn is_member(&self, point: ContactPoint) -> bool {
        match &self.standing {
            Standing::Outside => false,
            Standing::Member { contact_points, .. } => contact_points.contains(&point),
        }
    }

    /// What was seen.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    fn looked_up(&mut self, now: Instant, lookup: Lookup, rng: &mut impl Rng) {
        let pause = match lookup {
            Lookup::Complete(_)
            | Lookup::Partial {
                hindered: false, ..
            } => self.lookup_backoff.succeeded(rng),
            Lookup::Partial { hindered: true, .. } | Lookup::Failed => {
                self.lookup_backoff.failed(rng)
            }
        };
        let found = |contact_points, complete| Event::Found {
            contact_points,
            complete,
        };
        let event = match lookup {
            Lookup::Complete(contact_points) => found(contact_points, true),
            Lookup::Partial { contact_points, .. } => found(contact_points, false),
            Lookup::Failed => Event::LookupFailed,
        };
        self.state.observe(now, event);
        match &self.standing {
            Standing::Outside => {
                self.lookup = Schedule::Due(now + pause);
                self.probes.retain(|point, schedule| {
                    *schedule == Schedule::UnderWay || self.state.is_to_probe(*point)
                });
                for point in self.state.to_probe() {
                    self.probes.entry(point).or_insert(Schedule::Due(now));
                }
            }
            Standing::Member { contact_points, .. } => {
                let pause = pacing::watch_interval(contact_points.len());
                self.lookup =
                    Schedule::Due(now + pacing::jittered(pause, self.settings.random_factor, rng));
                // Members are known to be in this cluster; others may be in another.
                let strangers = self
                    .state
                    .to_probe()
                    .filter(|p| !contact_points.contains(p));
                for point in strangers.sample(rng, WATCH_PROBES) {
                    self.probes.insert(point, Schedule::Due(now));
                }
            }
        }
    }

    fn expected(&mut self, now: Instant, expectation: Expectation, rng: &mut impl Rng) {
        self.expected = match expectation {
            Expectation::Asking => Schedule::Due(now + self.expected_backoff.failed(rng)),
            Expectation::Known(_) | Expectation::Unknown => Schedule::Off,
        };
        self.state.observe(now, Event::Expected(expectation));
    }

    fn probed(
        &mut self,
        now: Instant,
        point: ContactPoint,
        answer: Option<Answer>,
        rng: &mut impl Rng,
        out: &mut Vec<Output>,
    ) {
        let again = match &self.standing {
            Standing::Outside => Schedule::Due(
                now + pacing::jittered(
                    self.settings.probe_interval,
                    self.settings.probe_interval_jitter,
                    rng,
                ),
            ),
            Standing::Member { .. } => Schedule::Off,
        };
        self.heard_of_founder(now, point, answer.as_ref());
        if let Some(answer) = &answer
            && answer.cluster.is_none()
        {
            self.tell(point, answer.uid, out);
        }
        let event = match &answer {
            Some(answer) => Event::Answered {
                from: point,
                uid: answer.uid,
                cluster: answer.cluster.clone(),
            },
            None => Event::Unanswered { from: point },
        };
        self.state.observe(now, event);
        if self.is_probed(point) && again != Schedule::Off {
            self.probes.insert(point, again);
        } else {
            self.probes.remove(&point);
        }
        if let Some(cluster) = answer.and_then(|answer| answer.cluster) {
            self.met(&cluster, out);
        }
    }

    fn is_probed(&self, point: ContactPoint) -> bool {
        self.state.is_to_probe(point) || self.other_founder() == Some(point)
    }

    /// A member meets a cluster.
    fn met(&mut self, cluster: &KnownCluster, out: &mut Vec<Output>) {
        let Standing::Member { formation, .. } = self.standing else {
            return;
        };
        if cluster.formation.id == formation.id {
            // The same cluster, met at a node that is not known to be a member: two halves that
            // have lost sight of each other.
            out.push(Output::Join(cluster.clone()));
            return;
        }
        self.alarm(formation, cluster.formation, out);
        if self.settings.on_rival == OnRival::Merge && cluster.formation.precedes(&formation) {
            out.push(Output::Join(cluster.clone()));
        }
    }

    fn alarm(&mut self, one: Formation, other: Formation, out: &mut Vec<Output>) {
        let (older, younger) = if one.precedes(&other) {
            (one, other)
        } else {
            (other, one)
        };
        if self.alarmed.insert((older.id, younger.id)) {
            out.push(Output::Alarm { older, younger });
        }
    }

    fn asked(&mut self, now: Instant, request: Request, out: &mut Vec<Output>) {
        if let Request::Prepare(ballot) | Request::Accept(ballot, _) = request {
            self.round = self.round.max(ballot.round);
        }
        if let Standing::Member { formation, .. } = self.standing {
            // A member votes no more.
            out.push(Output::Reply(Reply::Known(self.joinable(formation))));
            return;
        }
        out.push(Output::Reply(self.acceptor.answer(request)));
        if let Some(proposal) = self.acceptor.decided()
            && self.joining.is_none()
        {
            // Whether it may take the founder's place is looked at in `proceed`.
            self.follow(now, proposal, out);
        }
    }

    fn replied(
        &mut self,
        now: Instant,
        from: NodeUid,
        reply: Reply,
        rng: &mut impl Rng,
        out: &mut Vec<Output>,
    ) {
        let was_asked = self
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.among.values().any(|uid| *uid == from));
        if was_asked {
            self.count(now, from, reply, rng, out);
        }
    }

    /// Counts a reply, and sends what follows; this node's own acceptor replies at once.
    fn count(
        &mut self,
        now: Instant,
        uid: NodeUid,
        reply: Reply,
        rng: &mut impl Rng,
        out: &mut Vec<Output>,
    ) {
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        match attempt.proposer.observe(uid, reply) {
            Step::Wait => {}
            Step::Send(request) => self.broadcast(now, request, rng, out),
            Step::Overruled(ballot) => {
                self.round = self.round.max(ballot.round);
                self.attempt_failed(now, rng);
            }
            Step::Decided(proposal) => {
                let among = std::mem::take(&mut attempt.among);
                let decided = Request::Decided(proposal);
                // Who has not answered before is asked again now, to be told.
                for point in self.state.to_probe().filter(|p| !among.contains_key(p)) {
                    let probe = self.probes.entry(point).or_insert(Schedule::Due(now));
                    if *probe != Schedule::UnderWay {
                        *probe = Schedule::Due(now);
                    }
                }
                out.extend(
                    among
                        .into_iter()
                        .map(|(point, uid)| Output::Send(point, uid, decided)),
                );
                self.acceptor.answer(decided);
                self.follow(now, proposal, out);
            }
        }
    }

    fn broadcast(
        &mut self,
        now: Instant,
        request: Request,
        rng: &mut impl Rng,
        out: &mut Vec<Output>,
    ) {
        let Some(attempt) = &self.attempt else { return };
        out.extend(
            attempt
                .among
                .iter()
                .map(|(point, uid)| Output::Send(*point, *uid, request)),
        );
        let reply = self.acceptor.answer(request);
        self.count(now, self.settings.me.uid, reply, rng, out);
    }

    /// Tries again after a random pause that doubles with each failure, so that of two who overrule
    /// each other one gets through.
    fn attempt_failed(&mut self, now: Instant, rng: &mut impl Rng) {
        self.attempt = None;
        self.attempts_failed = self.attempts_failed.saturating_add(1).min(5);
        let most = self.settings.probe_interval / 8 * 2_u32.pow(self.attempts_failed);
        self.attempt_after = Some(now + most.mul_f64(rng.random::<f64>()));
    }

    /// It is decided which cluster there will be: start it, or join the one who does.
    fn follow(&mut self, now: Instant, proposal: Proposal, out: &mut Vec<Output>) {
        self.attempt = None;
        let Proposal { formation, founder } = proposal;
        if founder.uid == self.settings.me.uid {
            self.start(now, formation, out);
        } else {
            let seeds = BTreeSet::from([founder.node]);
            self.join(now, KnownCluster { formation, seeds }, out);
            self.probes
                .entry(founder.contact_point)
                .or_insert(Schedule::Due(now));
        }
    }

    fn start(&mut self, now: Instant, formation: Formation, out: &mut Vec<Output>) {
        self.joining = Some((
            KnownCluster {
                formation,
                seeds: BTreeSet::new(),
            },
            now,
        ));
        out.push(Output::Start(formation));
    }

    fn join(&mut self, now: Instant, cluster: KnownCluster, out: &mut Vec<Output>) {
        self.joining = Some((cluster.clone(), now));
        out.push(Output::Join(cluster));
    }

    fn is_gone(&self, founder: NodeUid, now: Instant) -> bool {
        let patience = self.settings.rules.probing_failure_timeout;
        self.founder_silent.is_some_and(|(silent, since)| {
            silent == founder && patience <= now.saturating_duration_since(since)
        })
    }

    /// Where the founder answers, once another than this node was decided on.
    fn other_founder(&self) -> Option<ContactPoint> {
        let founder = self.acceptor.decided()?.founder;
        (self.standing == Standing::Outside && founder.uid != self.settings.me.uid)
            .then_some(founder.contact_point)
    }

    /// Tells who is in no cluster which one was decided on: it need not wait for its next probe.
    ///
    /// It may be the founder itself, where somebody else finished what that had proposed: if it
    /// were not told, everyone would wait for it.
    fn tell(&self, point: ContactPoint, to: NodeUid, out: &mut Vec<Output>) {
        let proposal = match &self.standing {
            Standing::Outside => self.acceptor.decided(),
            Standing::Member { formation, .. } => Some(self.joinable(*formation)),
        };
        if let Some(proposal) = proposal {
            out.push(Output::Send(point, to, Request::Decided(proposal)));
        }
    }

    /// A member names its cluster, and itself as one to join through.
    fn joinable(&self, formation: Formation) -> Proposal {
        Proposal {
            formation,
            founder: self.settings.me,
        }
    }

    /// Takes note of whether the founder that was decided on lives.
    fn heard_of_founder(&mut self, now: Instant, point: ContactPoint, answer: Option<&Answer>) {
        let Some(proposal) = self.acceptor.decided() else {
            return;
        };
        if self.other_founder() != Some(point) {
            return;
        }
        // Another process at the founder's address is not the founder.
        let founder = proposal.founder.uid;
        match answer {
            Some(answer) if answer.uid == founder => self.founder_silent = None,
            Some(_) | None => {
                let known = self.founder_silent.filter(|(silent, _)| *silent == founder);
                self.founder_silent = known.or(Some((founder, now)));
            }
        }
    }

    fn stands(&mut self, now: Instant, standing: Standing, rng: &mut impl Rng) {
        let was_outside = self.standing == Standing::Outside;
        match &standing {
            Standing::Outside => {
                if !was_outside {
                    self.lookup = Schedule::Due(now);
                }
            }
            Standing::Member { contact_points, .. } => {
                self.attempt = None;
                self.joining = None;
                if was_outside {
                    self.probes.clear();
                    // The first look comes soon: whoever started the same cluster is found by it.
                    let soon = pacing::watch_interval(contact_points.len()) / 12;
                    self.lookup = Schedule::Due(now + soon.mul_f64(1.0 + rng.random::<f64>()));
                }
            }
        }
        self.standing = standing;
    }

    /// Acts on what was seen, as long as this node is not a member.
    fn proceed(
        &mut self,
        now: Instant,
        founded_at: u64,
        rng: &mut impl Rng,
        out: &mut Vec<Output>,
    ) {
        if self.standing != Standing::Outside {
            return;
        }
        if self
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.gives_up_at <= now)
        {
            self.attempt_failed(now, rng);
        }
        if self
            .joining
            .as_ref()
            .is_some_and(|(_, since)| *since + JOIN_PATIENCE <= now)
        {
            self.joining = None;
        }
        self.decision = self.state.decide(now);
        match self.decision.clone() {
            Decision::Join { cluster, rivals } => {
                for rival in rivals {
                    self.alarm(cluster.formation, rival, out);
                }
                self.attempt = None;
                let joins_already = self.joining.as_ref().is_some_and(|(joining, _)| {
                    joining.formation == cluster.formation
                        && joining.seeds.is_superset(&cluster.seeds)
                });
                if !joins_already {
                    self.join(now, cluster, out);
                }
            }
            Decision::Found { among, quorum } => match self.acceptor.decided() {
                // Of those who find the founder gone, only who may found takes its place.
                Some(proposal) => {
                    let starts_already = self
                        .joining
                        .as_ref()
                        .is_some_and(|(joining, _)| joining.seeds.is_empty());
                    if !starts_already && self.is_gone(proposal.founder.uid, now) {
                        self.start(now, proposal.formation, out);
                    } else if self.joining.is_none() {
                        self.follow(now, proposal, out);
                    }
                }
                None => {
                    let paused = self.attempt_after.is_some_and(|until| now < until);
                    if self.attempt.is_none() && !paused {
                        self.attempt(now, founded_at, among, quorum, rng, out);
                    }
                }
            },
            Decision::Wait(_) => {
                // Permission withdrawn: an attempt under way ends. What was sent may still be
                // accepted; whoever proposes next will find and finish it.
                self.attempt = None;
            }
        }
    }

    fn attempt(
        &mut self,
        now: Instant,
        founded_at: u64,
        among: BTreeMap<ContactPoint, NodeUid>,
        quorum: usize,
        rng: &mut impl Rng,
        out: &mut Vec<Output>,
    ) {
        self.round += 1;
        let own = Proposal {
            formation: Formation {
                id: ClusterId(rng.random()),
                founded_at,
            },
            founder: self.settings.me,
        };
        let (proposer, request) = Proposer::start(self.round, quorum, own);
        let gives_up_at = now + self.settings.probe_interval * ATTEMPT_PATIENCE;
        self.attempt = Some(Attempt {
            proposer,
            round: self.round,
            quorum,
            among,
            gives_up_at,
        });
        self.broadcast(now, request, rng, out);
    }

    fn fall_due(&mut self, now: Instant, out: &mut Vec<Output>) {
        let due = |schedule: &mut Schedule| match schedule {
            Schedule::Due(at) if *at <= now => {
                *schedule = Schedule::UnderWay;
                true
            }
            Schedule::Due(_) | Schedule::UnderWay | Schedule::Off => false,
        };
        if due(&mut self.lookup) {
            out.push(Output::Lookup);
        }
        if self.standing == Standing::Outside && due(&mut self.expected) {
            out.push(Output::AskExpected);
        }
        for (point, schedule) in &mut self.probes {
            if due(schedule) {
                out.push(Output::Probe(*point));
            }
        }
    }
}

#[cfg(test)]
mod tests;
