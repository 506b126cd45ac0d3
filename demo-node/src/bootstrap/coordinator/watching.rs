//! A member looks for other clusters of the same name, and for lost halves of its own.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rand::{Rng, RngExt};

use super::{
    Coordinator, Decided, Expectation, Looking, OnRival, Output, Request, Schedule, Stage,
    Standing, Turn, stage::Watching,
};
use crate::bootstrap::{minority::Few, pacing, state::KnownCluster};

impl Coordinator {
    pub(super) fn stands<R: Rng>(&mut self, standing: Standing, turn: &mut Turn<'_, R>) {
        match (standing, self.is_member()) {
            (Standing::Outside, false) => {}
            (Standing::Outside, true) => {
                self.lookup = Schedule::Due(turn.now);
                self.minority = None;
                self.ask_for_number(turn.now);
                self.stage = Stage::Looking(Looking {
                    reason: None,
                    paused: None,
                    failures: 0,
                });
            }
            (
                Standing::Member {
                    formation,
                    contact_points,
                    reach,
                },
                was_member,
            ) => {
                if !was_member {
                    self.probes.clear();
                    if self.asking != Schedule::UnderWay {
                        self.asking = Schedule::Off;
                    }
                    // The first look comes soon: whoever started the same cluster is found by it.
                    let soon =
                        pacing::watch_interval(self.settings.watch_interval, contact_points.len())
                            / 12;
                    let soon = soon.mul_f64(1.0 + turn.rng.random::<f64>());
                    self.lookup = Schedule::Due(turn.now + soon);
                }
                let few = match &self.stage {
                    Stage::Watching(watching) => watching.few,
                    Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => Few::default(),
                };
                self.stage = Stage::Watching(Watching {
                    formation,
                    contact_points,
                    reach,
                    few,
                });
            }
        }
    }

    /// A member looks whom it reaches. Where that is too few, or there are more than it was told of, the number of
    /// expected nodes may be another by now.
    pub(super) fn look_around<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let expected = self.state.expectation(turn.now);
        let doubted = self.doubts_number(turn.now);
        let Stage::Watching(watching) = &mut self.stage else {
            return;
        };
        let became_few = watching.few.observe(turn.now, watching.reach, expected);
        let (few, size) = (watching.few, watching.contact_points.len());
        self.minority = few.lasting(turn.now, self.settings.minority_after);
        if became_few {
            self.ask_for_number(turn.now);
        } else if doubted && self.asking == Schedule::Off {
            // All members notice it together.
            let spread = Duration::from_secs(1) * u32::try_from(size / 10 + 1).unwrap_or(u32::MAX);
            self.ask_for_number(turn.now + spread.mul_f64(turn.rng.random()));
        }
    }

    /// Whether the number of expected nodes may be out of date, as far as a member can tell.
    pub(super) fn doubts_number(&self, now: Instant) -> bool {
        match (&self.stage, self.state.expectation(now)) {
            (Stage::Watching(watching), Expectation::Known(expected)) => {
                watching.few.is_now() || expected < watching.contact_points.len()
            }
            _ => false,
        }
    }

    /// When this node will be known to be on the smaller side of a split.
    pub(super) fn minority_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Watching(watching) => watching.few.lasts_at(self.settings.minority_after),
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => None,
        }
    }

    /// Where it is not configured.
    fn ask_for_number(&mut self, at: Instant) {
        if self.settings.expectation == Expectation::Asking && self.asking != Schedule::UnderWay {
            self.asking = Schedule::Due(at);
        }
    }

    /// A member meets a cluster.
    pub(super) fn met<R>(&mut self, cluster: &KnownCluster, turn: &mut Turn<'_, R>) {
        let Stage::Watching(Watching { formation, .. }) = self.stage else {
            return;
        };
        if cluster.formation.id == formation.id {
            // The same cluster, met at a node that is not known to be a member: two halves that
            // have lost sight of each other.
            turn.out.push(Output::Join(cluster.clone()));
            return;
        }
        self.alarm(formation, cluster.formation, turn);
        if self.settings.on_rival == OnRival::Merge && cluster.formation.precedes(&formation) {
            turn.out.push(Output::Join(cluster.clone()));
        }
    }

    /// A member is told of a cluster: where it is its own, somebody else has started it, too.
    pub(super) fn told_of<R>(&mut self, request: Request, turn: &mut Turn<'_, R>) {
        if let (Stage::Watching(watching), Request::Decided(Decided { formation, seed })) =
            (&self.stage, request)
            && watching.formation.id == formation.id
            && seed != self.settings.rules.me.gossip
        {
            let seeds = BTreeSet::from([seed]);
            turn.out
                .push(Output::Join(KnownCluster { formation, seeds }));
        }
    }
}
