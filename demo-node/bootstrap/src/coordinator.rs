//! Everything that a node does from its start until it is a member, and its watch after that.
//!
//! It combines the rules ([`State`]), the votes ([`Acceptor`]) and the pace, and is still pure: inputs come in with
//! the time, and [`Bootstrap`](crate::Bootstrap) or a simulation carries out the outputs. What it does depends on the
//! `Stage`: it looks for a cluster, founds one, joins one, or is a member and watches.

use std::{
    collections::BTreeSet,
    mem::{Discriminant, discriminant},
    time::{Duration, Instant},
};

use discovery::{Extent, OnThrottle};
use rand::Rng;
use serde::Serialize;

use self::{
    probes::Probes,
    stage::{Looking, Stage},
};
use super::{
    ContactPoint, Process, Standing,
    expected::{Expectation, Told},
    founding::{Acceptor, Decided, Reply, Request, Voter},
    minority::Minority,
    pacing::{self, Backoff, Schedule},
    reason::WaitReason,
    state::{Answer, Decision, KnownCluster, Rules, State, View},
    survey::Turns,
};
use crate::cluster::{ClusterId, Formation, NodeUid};

mod founding;
mod joining;
mod looking;
mod probes;
mod stage;
mod watching;

/// What a coordinator needs to know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The rules of founding, and which node this is.
    pub rules: Rules,
    /// The number of expected nodes, or that it must be asked for.
    pub expectation: Expectation,
    /// The pause between lookups.
    pub interval: Duration,
    /// The largest share that is added to pauses between lookups at random.
    pub random_factor: f64,
    /// The longest pause between lookups that fail.
    pub backoff_max: Duration,
    /// The pause between two probes of a contact point.
    pub probe_interval: Duration,
    /// The largest share that is added to pauses between probes at random.
    pub probe_interval_jitter: f64,
    /// The pause between two looks of all members together for other clusters.
    pub watch_interval: Duration,
    /// How long a member must reach too few others before it reports that.
    pub minority_after: Duration,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed: something may be due.
    Tick,
    /// A lookup ended.
    Looked(View),
    /// The number of expected nodes was asked for.
    Told(Told),
    /// A contact point was probed.
    Probed(ContactPoint, Option<Answer>),
    /// A proposer asks this node. The reply is in the outputs.
    Request(Request),
    /// An acceptor replied to this node.
    Reply(NodeUid, Reply),
    /// This node's standing in a cluster changed.
    Standing(Standing),
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Look up the service, and read this much of the list.
    Lookup(Extent),
    /// Ask for the number of expected nodes.
    AskExpected,
    /// Probe a contact point.
    Probe(ContactPoint),
    /// Send this to a contact point, for exactly this process there.
    Send(ContactPoint, NodeUid, Request),
    /// Answer the request that came in.
    Reply(Reply),
    /// Start this cluster, alone in it for now.
    Start(Formation),
    /// Join this cluster.
    Join(KnownCluster),
    /// Two clusters with the same name exist: this node's or the one that it joins, and another.
    Alarm {
        /// The older one, which has precedence.
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
    #[error("member of cluster {}{}", .formation.id, split(*.minority))]
    Member {
        /// Of which cluster.
        formation: Formation,
        /// Whether it is on the smaller side of a split.
        #[serde(skip_serializing_if = "Option::is_none")]
        minority: Option<Minority>,
    },
}

fn split(minority: Option<Minority>) -> String {
    minority.map_or_else(String::new, |Minority { reachable, majority }| {
        format!(
            ", on the smaller side of a split: {reachable} members are reachable, {majority} would be a majority"
        )
    })
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
#[derive(Debug, Clone)]
pub struct Coordinator {
    settings: Settings,
    state: State,
    acceptor: Acceptor,
    stage: Stage,
    /// The highest round used or heard of.
    round: u64,
    /// The smaller side of a split, if this node is on it.
    minority: Option<Minority>,
    /// Pairs of clusters for which the alarm was raised, the older first.
    alarmed: BTreeSet<(ClusterId, ClusterId)>,
    lookup: Schedule,
    lookup_backoff: Backoff,
    /// How much the latest lookup reads.
    extent: Extent,
    /// When this node asks all contact points.
    turns: Turns,
    /// Idle while nothing needs the number.
    asking: Schedule,
    /// When the platform last told the number.
    told_at: Option<Instant>,
    /// Whether the platform may tell the number.
    asks: bool,
    /// Whether this node was randomly chosen to ask for the number although it does not propose.
    is_drawn: bool,
    /// Whether a proposer waits until this node has been told the number.
    is_needed: bool,
    /// Do not ask for the number before this time.
    next_asking: Instant,
    asking_backoff: Backoff,
    probes: Probes,
}

/// One moment, with its source of randomness.
struct Turn<'a, R> {
    now: Instant,
    /// The wall clock, in milliseconds since 1970.
    unix_millis: u64,
    rng: &'a mut R,
    out: Vec<Output>,
}

// === impl Settings ===

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn defaults(me: Process) -> Self {
        let second = Duration::from_secs(1);
        Self {
            rules: Rules::defaults(me),
            expectation: Expectation::Asking,
            interval: second,
            random_factor: 0.2,
            backoff_max: 15 * second,
            probe_interval: second,
            probe_interval_jitter: 0.2,
            watch_interval: 5 * second,
            minority_after: 5 * second,
        }
    }
}

// === impl Coordinator ===

impl Coordinator {
    /// A node that has just started, at `now`.
    #[must_use]
    pub fn new(settings: Settings, now: Instant) -> Self {
        let backoff = Backoff::new(
            settings.interval,
            settings.backoff_max,
            settings.random_factor,
        );
        Self {
            state: State::new(settings.rules.clone(), settings.expectation),
            acceptor: Acceptor::default(),
            stage: Stage::Looking(Looking {
                reason: Some(WaitReason::NoLookupYet),
                paused: None,
                failures: 0,
            }),
            round: 0,
            minority: None,
            alarmed: BTreeSet::new(),
            lookup: Schedule::Due(now),
            lookup_backoff: backoff.clone(),
            extent: Extent::FirstPage,
            turns: Turns::new(),
            asking: Schedule::Off,
            told_at: None,
            asks: settings.expectation == Expectation::Asking,
            is_drawn: false,
            is_needed: false,
            next_asking: now,
            asking_backoff: backoff,
            probes: Probes::default(),
            settings,
        }
    }

    /// Takes one input and says what to do. `unix_millis` is the wall clock, in milliseconds since 1970: votes
    /// contain it, so that a new cluster's age is known.
    pub fn handle(
        &mut self,
        now: Instant,
        unix_millis: u64,
        input: Input,
        rng: &mut impl Rng,
    ) -> Vec<Output> {
        let mut turn = Turn {
            now,
            unix_millis,
            rng,
            out: Vec::new(),
        };
        match input {
            Input::Tick => {}
            Input::Looked(view) => self.looked(view, &mut turn),
            Input::Told(told) => self.told(told, &mut turn),
            Input::Probed(point, answer) => self.probed(point, answer, &mut turn),
            Input::Request(request) => self.asked(request, &mut turn),
            Input::Reply(from, reply) => self.replied(from, reply, &mut turn),
            Input::Standing(standing) => self.stands(standing, &mut turn),
        }
        if self.is_member() {
            self.look_around(&mut turn);
        } else {
            self.take_turns(&mut turn);
            self.proceed(&mut turn);
        }
        self.fall_due(&mut turn);
        turn.out
    }

    /// The latest time for the next [`Input::Tick`]: later than `now`, after everything that is due now has been
    /// [handled](Self::handle).
    #[must_use]
    pub fn next_wakeup(&self, now: Instant) -> Instant {
        let changes = if self.is_member() {
            [None, None]
        } else {
            [self.state.next_change(now), self.turns.next_change()]
        };
        self.schedules()
            .filter_map(Schedule::due_at)
            .chain(self.stage.changes_at().filter(|at| now < *at))
            .chain(self.minority_at().filter(|at| now < *at))
            .chain(changes.into_iter().flatten())
            .min()
            .unwrap_or(now + self.settings.interval)
            .max(now)
    }

    /// What the node waits for or does, as of the latest turn.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Looking(looking) => match (&looking.reason, &looking.paused) {
                (Some(reason), _) => Phase::Waiting {
                    reason: reason.clone(),
                },
                (None, pause) => Phase::Founding {
                    round: self.round,
                    quorum: pause.as_ref().map_or(0, |pause| pause.quorum),
                },
            },
            Stage::Founding(founding) => Phase::Founding {
                round: self.round,
                quorum: founding.proposer.quorum(),
            },
            Stage::Joining(joining) => Phase::Joining {
                formation: joining.formation,
            },
            Stage::Watching(watching) => Phase::Member {
                formation: watching.formation,
                minority: self.minority,
            },
        }
    }

    /// How many have consented so far to the cluster that this node wants to found.
    #[must_use]
    pub fn consents(&self) -> Option<usize> {
        match &self.stage {
            Stage::Founding(founding) => Some(founding.proposer.consents()),
            Stage::Looking(_) | Stage::Joining(_) | Stage::Watching(_) => None,
        }
    }

    /// What to do if AWS throttles a call of a lookup. The node that founds a cluster tells all others, so its list
    /// is more important than theirs. Members can do without a list.
    #[must_use]
    pub fn on_throttle(&self, extent: Extent, now: Instant) -> OnThrottle {
        if self.is_member() {
            OnThrottle::GiveUp
        } else if 1 < pacing::pages(extent, self.state.nodes(now)) {
            OnThrottle::MakeAgain
        } else {
            OnThrottle::GoOn
        }
    }

    /// Whether a contact point is known to be in this node's cluster.
    #[must_use]
    pub fn is_fellow(&self, point: ContactPoint) -> bool {
        match &self.stage {
            Stage::Watching(watching) => watching.members.contains_key(&point),
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => false,
        }
    }

    /// What was seen.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    fn is_member(&self) -> bool {
        matches!(self.stage, Stage::Watching(_))
    }

    /// What is repeated in this stage.
    fn schedules(&self) -> impl Iterator<Item = Schedule> {
        let probes = self.probes.next();
        [self.lookup, self.asking]
            .into_iter()
            .chain(probes.map(Schedule::Due))
    }

    /// What this node's votes say about it.
    fn voter(&self, unix_millis: u64) -> Voter {
        Voter {
            expected: self.state.own_number(),
            untold: self.state.is_untold(),
            clock: unix_millis,
        }
    }

    /// Acts on what was seen, while this node is not a member.
    fn proceed<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        self.end_what_takes_too_long(turn);
        self.ask_untold_again(turn);
        let decided = self.acceptor.decided();
        match self.state.decide(turn.now, decided, self.is_in_turn()) {
            Decision::Join { cluster, rivals } => {
                for rival in rivals {
                    self.alarm(cluster.formation, rival, turn);
                }
                self.join(cluster, turn);
            }
            Decision::Propose => match self.acceptor.decided() {
                // The cluster did not let this node in, nor, it seems, any other.
                Some(decided) => self.start(decided.formation, turn),
                None => {
                    // It may have heard the number from another node, but its own vote needs a number that it was
                    // told itself.
                    if self.state.is_untold() {
                        self.want_number(turn);
                    }
                    self.propose(turn);
                }
            },
            Decision::Wait(reason) => {
                self.want_number(turn);
                let reason = self.in_its_turn(reason);
                // Founding is no longer allowed, so a running attempt ends. What was sent may still be accepted; the
                // next proposer will find and finish it.
                self.stage = Stage::Looking(Looking {
                    reason: Some(reason),
                    paused: self.stage.pause(),
                    failures: self.stage.failures(),
                });
            }
        }
    }

    fn alarm<R>(&mut self, one: Formation, other: Formation, turn: &mut Turn<'_, R>) {
        let (older, younger) = if one.precedes(&other) {
            (one, other)
        } else {
            (other, one)
        };
        if self.alarmed.insert((older.id, younger.id)) {
            turn.out.push(Output::Alarm { older, younger });
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
