//! Lookups, probes and the number of expected nodes: what is repeated in every stage.

use std::time::{Duration, Instant};

use discovery::Extent;
use rand::{Rng, RngExt, seq::IteratorRandom};

use super::{
    Answer, Coordinator, Decided, Output, Request, Schedule, Stage, Turn, View, stage::Watching,
};
use crate::{
    ContactPoint,
    cluster::NodeUid,
    expected::{Expectation, Told},
    founding::TOLD,
    pacing,
    reason::WaitReason,
    state::{Event, KnownCluster},
};

/// How many contact points a node that looks for a cluster to join probes at a time.
const FEW: usize = 4;

/// How many contact points a member probes after each lookup.
const WATCH_PROBES: usize = 16;

/// Within this time a node that does not found a cluster itself asks for the number of expected nodes.
const HEARSAY: Duration = Duration::from_secs(3);

/// How many nodes ask for the number of expected nodes although they do not propose. This many are chosen at random
/// at each round of lookups; if there are no more nodes, all ask. So enough voters will know the number.
pub(super) const VOTERS: usize = 2 * TOLD;

/// The pause between two questions for the number of expected nodes, after the first answer: the service may be
/// scaled before its cluster has formed.
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl Coordinator {
    pub(super) fn looked<R: Rng>(&mut self, view: View, turn: &mut Turn<'_, R>) {
        let hindered = match view {
            View::Complete(_)
            | View::Partial {
                hindered: false, ..
            } => false,
            View::Partial { hindered: true, .. } | View::Failed => true,
        };
        let failed = view == View::Failed;
        self.state.observe(turn.now, Event::Looked(view));
        let nodes = self.state.nodes(turn.now);
        match &mut self.stage {
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => {
                if failed {
                    self.turns.has_no_list(turn.now, nodes, turn.rng);
                } else if self.extent == Extent::Whole || self.state.has_all_pages() {
                    self.turns.has_whole_list(turn.now);
                }
                let is_known = matches!(self.state.expectation(turn.now), Expectation::Known(_));
                if !failed && (self.state.has_all_pages() || is_known) {
                    let drawn = (0..nodes).choose(turn.rng);
                    self.is_drawn |= drawn.is_some_and(|drawn| drawn < VOTERS);
                }
                let pause = if hindered {
                    self.lookup_backoff.failed(turn.rng)
                } else {
                    self.lookup_backoff.succeeded(turn.rng)
                };
                let interval = self.settings.interval;
                let least = if !self.surveys() {
                    pacing::seek_pause(interval, nodes)
                } else if self.state.expectation(turn.now) == Expectation::Unknown {
                    // Only another lookup can show whether the list is stable.
                    interval
                } else {
                    pacing::survey_pause(interval, nodes)
                };
                let least = pacing::jittered(least, self.settings.random_factor, turn.rng);
                self.lookup = Schedule::Due(turn.now + pause.max(least));
                self.choose_whom_to_probe(turn);
            }
            Stage::Watching(Watching {
                members,
                since,
                pauses,
                ..
            }) => {
                (*since, *pauses) = (turn.now, 0.5 + turn.rng.random::<f64>());
                let pause = pacing::watch_pause(self.settings.watch_interval, members.len());
                self.lookup = Schedule::Due(turn.now + pause.mul_f64(*pauses));
                // Members are known to be in this cluster; others may be in another.
                let strangers = self
                    .state
                    .to_probe()
                    .filter(|point| !members.contains_key(point));
                for point in strangers.sample(turn.rng, WATCH_PROBES) {
                    self.probes.set(point, turn.now);
                }
            }
        }
    }

    /// This node's turn to ask all contact points may begin or end.
    pub(super) fn take_turns<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let nodes = self.state.nodes(turn.now);
        let asking = self.state.expectation(turn.now) == Expectation::Asking;
        if self.state.has_list() && (self.state.has_all_pages() || !asking) {
            self.turns.has_list(turn.now, nodes, turn.rng);
        }
        if !self.turns.proceed(turn.now, nodes, turn.rng) {
            return;
        }
        if !self.state.has_all_pages() {
            if self.lookup != Schedule::UnderWay {
                self.lookup = Schedule::Due(turn.now);
            }
        } else {
            self.turns.has_whole_list(turn.now);
        }
        self.choose_whom_to_probe(turn);
    }

    /// Whether this node asks all contact points: in its turn, as the first, or because there are few.
    pub(super) fn surveys(&self) -> bool {
        self.turns.is_on() || self.state.is_first() || self.knows_few()
    }

    /// Whether this node has its random turn. If there are few nodes, all of them ask all contact points, in the
    /// order of their addresses.
    pub(super) fn is_in_turn(&self) -> bool {
        self.turns.is_on() && !self.knows_few()
    }

    fn knows_few(&self) -> bool {
        self.state.has_all_pages() && self.state.to_probe().nth(FEW).is_none()
    }

    /// The unmet rule, as a node that only asks a few reports it.
    pub(super) fn in_its_turn(&self, reason: WaitReason) -> WaitReason {
        match reason {
            WaitReason::PartialView
            | WaitReason::TooFewContactPoints { .. }
            | WaitReason::NotListed { .. }
                if !self.state.has_all_pages() && !self.surveys() =>
            {
                WaitReason::Seeking { few: FEW }
            }
            WaitReason::ExpectedNodesPending
            | WaitReason::NotAllAnswered { .. }
            | WaitReason::TooFewAnswered { .. }
                if !self.surveys() =>
            {
                WaitReason::Seeking { few: FEW }
            }
            reason => reason,
        }
    }

    /// All contact points, if this node surveys; otherwise a few random ones, other ones each time.
    fn choose_whom_to_probe<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let surveys = self.surveys();
        let state = &self.state;
        let most = if surveys { usize::MAX } else { FEW };
        self.probes.keep(most, |point| state.is_to_probe(point));
        if surveys {
            for point in self.state.to_probe() {
                self.probes.add(point, turn.now);
            }
        } else {
            self.probe_others(turn.now, turn);
        }
    }

    /// Probes a few random ones of those that are not being asked yet, at this time.
    fn probe_others<R: Rng>(&mut self, then: Instant, turn: &mut Turn<'_, R>) {
        let probes = &self.probes;
        let others = self.state.to_probe();
        let chosen = others
            .filter(|point| !probes.contains(*point))
            .sample(turn.rng, FEW.saturating_sub(probes.len()));
        for point in chosen {
            self.probes.set(point, then);
        }
    }

    /// Asks for the number of expected nodes if no cluster is known and a node was asked that would most likely know
    /// one. The number is needed by nodes that may propose a cluster, by some of the voters, and by a node that
    /// cannot see from the list how many nodes there are.
    pub(super) fn want_number<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        if self.asking != Schedule::Off || !self.wants_number(turn.now) {
            return;
        }
        let mut at = self.next_asking.max(turn.now);
        if !self.surveys() && !self.is_needed && !self.state.has_all_pages() {
            // If many nodes start together, a few ask, and the others hear the number from them.
            at += HEARSAY.mul_f64(turn.rng.random());
        }
        self.asking = Schedule::Due(at);
    }

    fn wants_number(&self, now: Instant) -> bool {
        let asking = self.state.expectation(now) == Expectation::Asking;
        let is_needed = self.is_needed && self.state.is_untold();
        let sounded = self.state.has_sounded();
        let seeks = self.is_drawn || asking && !self.state.has_all_pages();
        self.asks && (is_needed || sounded && (self.surveys() || seeks))
    }

    pub(super) fn told<R: Rng>(&mut self, told: Told, turn: &mut Turn<'_, R>) {
        self.state.observe(turn.now, Event::Told(told));
        if matches!(told, Told::Nodes(_)) {
            self.told_at = Some(turn.now);
        }
        let pause = match told {
            Told::Never => {
                self.asks = false;
                self.asking = Schedule::Off;
                return;
            }
            // A member founds nothing; it asks if the number may be out of date.
            _ if self.is_member() && !self.doubts_number() => {
                self.asking = Schedule::Off;
                return;
            }
            Told::Nodes(_) => {
                self.asking_backoff.succeeded(turn.rng);
                let pause = if self.surveys() {
                    ASK_AGAIN
                } else {
                    pacing::vote_pause(ASK_AGAIN, VOTERS, self.state.nodes(turn.now))
                };
                pacing::jittered(pause, self.settings.random_factor, turn.rng)
            }
            Told::Nothing | Told::Throttled | Told::Unanswered => {
                self.asking_backoff.failed(turn.rng)
            }
        };
        let then = turn.now + pause;
        let last_chance = self.state.last_chance().filter(|at| turn.now < *at);
        self.next_asking = last_chance.map_or(then, |at| at.min(then));
        self.asking = if self.is_member() {
            Schedule::Due(self.next_asking)
        } else {
            Schedule::Off
        };
    }

    pub(super) fn probed<R: Rng>(
        &mut self,
        point: ContactPoint,
        answer: Option<Answer>,
        turn: &mut Turn<'_, R>,
    ) {
        // Nodes whose clocks are too far apart for one cluster have nothing to tell each other.
        if let Some(answer) = &answer {
            match &answer.cluster {
                _ if !answer.skew.is_tolerable() => self.saw(answer, turn),
                None => self.tell(point, answer.uid, turn),
                Some(cluster) => {
                    self.learn(cluster);
                    self.met_at(point, answer.uid, cluster, turn);
                }
            }
        }
        let answered = answer.is_some();
        let event = match answer {
            Some(answer) => Event::Answered {
                from: point,
                answer,
            },
            None => Event::Unanswered { from: point },
        };
        self.state.observe(turn.now, event);
        self.probes.remove(point);
        if self.is_member() {
            return;
        }
        let (pause, jitter) = (
            self.settings.probe_interval,
            self.settings.probe_interval_jitter,
        );
        let pause = pacing::jittered(pause, jitter, turn.rng);
        if !self.surveys() {
            self.probe_others(turn.now + pause, turn);
        } else if self.state.is_to_probe(point) {
            // A node that does not answer may just be starting.
            let failing = self.state.failing_for(point, turn.now);
            let pause = match answered {
                true => pause,
                false => failing.clamp(self.settings.probe_interval / 10, pause),
            };
            self.probes.set(point, turn.now + pause);
        }
    }

    /// A member that sees another cluster raises the alarm, even if it could not join it.
    fn saw<R>(&mut self, answer: &Answer, turn: &mut Turn<'_, R>) {
        if let Stage::Watching(Watching { formation, .. }) = self.stage
            && let Some(cluster) = &answer.cluster
            && cluster.formation.id != formation.id
        {
            self.alarm(formation, cluster.formation, turn);
        }
    }

    /// Tells a node in no cluster which cluster was decided, so that it need not wait for its next probe.
    fn tell<R>(&self, point: ContactPoint, to: NodeUid, turn: &mut Turn<'_, R>) {
        if let Some(decided) = self.decided() {
            turn.out
                .push(Output::Send(point, to, Request::Decided(decided)));
        }
    }

    /// If a node is in a cluster, that cluster was decided.
    fn learn(&mut self, cluster: &KnownCluster) {
        if let Some(seed) = cluster.seeds.first().filter(|_| !self.is_member()) {
            self.acceptor.learn(Decided {
                formation: cluster.formation,
                seed: *seed,
            });
        }
    }

    /// A node that has not answered before is asked again now, in order to tell it.
    pub(super) fn probe_at_once(&mut self, points: Vec<ContactPoint>, now: Instant) {
        for point in points {
            self.probes.hasten(point, now);
        }
    }

    /// The cluster that this node knows to be decided. A member names its own cluster, and itself as a member to join
    /// through.
    pub(super) fn decided(&self) -> Option<Decided> {
        match &self.stage {
            Stage::Watching(Watching { formation, .. }) => Some(Decided {
                formation: *formation,
                seed: self.settings.rules.me.gossip,
            }),
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => self.acceptor.decided(),
        }
    }

    pub(super) fn fall_due<R>(&mut self, turn: &mut Turn<'_, R>) {
        if self.lookup.fall_due(turn.now) {
            self.extent = if self.is_member() || self.surveys() {
                Extent::Whole
            } else {
                Extent::FirstPage
            };
            turn.out.push(Output::Lookup(self.extent));
            // A member that joined without the number learns it now: it may need it in a split.
            if self.is_member()
                && self.asks
                && self.state.own_number().is_none()
                && self.asking == Schedule::Off
            {
                self.asking = Schedule::Due(turn.now);
            }
        }
        if self.asking.fall_due(turn.now) {
            if self.is_member() || self.wants_number(turn.now) {
                turn.out.push(Output::AskExpected);
            } else {
                self.asking = Schedule::Off;
            }
        }
        let due = self.probes.fall_due(turn.now);
        turn.out.extend(due.into_iter().map(Output::Probe));
    }
}
