//! Lookups, probes and the number of expected nodes: what is done again and again, in every stage.

use std::time::{Duration, Instant};

use rand::{Rng, seq::IteratorRandom};

use super::{
    Answer, Coordinator, Decided, Output, Request, Schedule, Stage, Turn, View, stage::Watching,
};
use crate::{
    bootstrap::{
        ContactPoint,
        expected::Told,
        pacing,
        state::{Event, KnownCluster},
    },
    cluster::NodeUid,
};

/// How many contact points a member probes after each look at discovery.
const WATCH_PROBES: usize = 3;

/// The pause between two questions for the number of expected nodes, once there is an answer: the
/// service may be scaled before its cluster has formed.
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl Coordinator {
    pub(super) fn looked<R: Rng>(&mut self, view: View, turn: &mut Turn<'_, R>) {
        let pause = match view {
            View::Complete(_)
            | View::Partial {
                hindered: false, ..
            } => self.lookup_backoff.succeeded(turn.rng),
            View::Partial { hindered: true, .. } | View::Failed => {
                self.lookup_backoff.failed(turn.rng)
            }
        };
        self.state.observe(turn.now, Event::Looked(view));
        match &self.stage {
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => {
                self.lookup = Schedule::Due(turn.now + pause);
                self.probes.retain(|point, schedule| {
                    *schedule == Schedule::UnderWay || self.state.is_to_probe(*point)
                });
                for point in self.state.to_probe() {
                    self.probes.entry(point).or_insert(Schedule::Due(turn.now));
                }
            }
            Stage::Watching(Watching { contact_points, .. }) => {
                let pause =
                    pacing::watch_interval(self.settings.watch_interval, contact_points.len());
                let pause = pacing::jittered(pause, self.settings.random_factor, turn.rng);
                self.lookup = Schedule::Due(turn.now + pause);
                // Members are known to be in this cluster; others may be in another.
                let strangers = self
                    .state
                    .to_probe()
                    .filter(|p| !contact_points.contains(p));
                for point in strangers.sample(turn.rng, WATCH_PROBES) {
                    self.probes.insert(point, Schedule::Due(turn.now));
                }
            }
        }
    }

    pub(super) fn told<R: Rng>(&mut self, told: Told, turn: &mut Turn<'_, R>) {
        self.state.observe(turn.now, Event::Told(told));
        let pause = match told {
            // A member founds nothing; it asks where the number may be out of date.
            _ if self.is_member() && !self.doubts_number(turn.now) => {
                self.asking = Schedule::Off;
                return;
            }
            Told::Nodes(_) => {
                self.asking_backoff.succeeded(turn.rng);
                pacing::jittered(ASK_AGAIN, self.settings.random_factor, turn.rng)
            }
            Told::Nothing | Told::Failed => self.asking_backoff.failed(turn.rng),
            Told::Never => {
                self.asking = Schedule::Off;
                return;
            }
        };
        self.asking = Schedule::Due(turn.now + pause);
    }

    pub(super) fn probed<R: Rng>(
        &mut self,
        point: ContactPoint,
        answer: Option<Answer>,
        turn: &mut Turn<'_, R>,
    ) {
        // With whom its clock keeps this node from being in one cluster, there is nothing to talk about.
        if let Some(answer) = &answer {
            match &answer.cluster {
                _ if !answer.skew.is_tolerable() => self.saw(answer, turn),
                None => self.tell(point, answer.uid, turn),
                Some(cluster) => {
                    self.learn(cluster);
                    self.met(cluster, turn);
                }
            }
        }
        let event = match answer {
            Some(answer) => Event::Answered {
                from: point,
                answer,
            },
            None => Event::Unanswered { from: point },
        };
        self.state.observe(turn.now, event);
        if !self.is_member() && self.state.is_to_probe(point) {
            let (pause, jitter) = (
                self.settings.probe_interval,
                self.settings.probe_interval_jitter,
            );
            let next = turn.now + pacing::jittered(pause, jitter, turn.rng);
            self.probes.insert(point, Schedule::Due(next));
        } else {
            self.probes.remove(&point);
        }
    }

    /// A member that sees another cluster raises the alarm, also where it could not join it.
    fn saw<R>(&mut self, answer: &Answer, turn: &mut Turn<'_, R>) {
        if let Stage::Watching(Watching { formation, .. }) = self.stage
            && let Some(cluster) = &answer.cluster
            && cluster.formation.id != formation.id
        {
            self.alarm(formation, cluster.formation, turn);
        }
    }

    /// Tells who is in no cluster which one was decided on: it need not wait for its next probe.
    fn tell<R>(&self, point: ContactPoint, to: NodeUid, turn: &mut Turn<'_, R>) {
        if let Some(decided) = self.decided() {
            turn.out
                .push(Output::Send(point, to, Request::Decided(decided)));
        }
    }

    /// Whoever is in a cluster, it has been decided on.
    fn learn(&mut self, cluster: &KnownCluster) {
        if let Some(seed) = cluster.seeds.first().filter(|_| !self.is_member()) {
            self.acceptor.learn(Decided {
                formation: cluster.formation,
                seed: *seed,
            });
        }
    }

    /// Who has not answered before is asked again now, to be told.
    pub(super) fn probe_at_once(&mut self, points: Vec<ContactPoint>, now: Instant) {
        for point in points {
            let probe = self.probes.entry(point).or_insert(Schedule::Due(now));
            if *probe != Schedule::UnderWay {
                *probe = Schedule::Due(now);
            }
        }
    }

    /// The cluster that this node knows was decided on. A member names its own, and itself as one
    /// to join through.
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
            turn.out.push(Output::Lookup);
        }
        if self.asking.fall_due(turn.now) {
            turn.out.push(Output::AskExpected);
        }
        for (point, schedule) in &mut self.probes {
            if schedule.fall_due(turn.now) {
                turn.out.push(Output::Probe(*point));
            }
        }
    }
}
