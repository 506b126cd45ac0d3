//! A member looks for other clusters of the same name, and for lost halves of its own.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::{
    Coordinator, Decided, Looking, OnRival, Output, Request, Schedule, Stage, Standing, Turn,
    stage::Watching,
};
use crate::bootstrap::{pacing, state::KnownCluster};

impl Coordinator {
    pub(super) fn stands<R: Rng>(&mut self, standing: Standing, turn: &mut Turn<'_, R>) {
        match (standing, self.is_member()) {
            (Standing::Outside, false) => {}
            (Standing::Outside, true) => {
                self.lookup = Schedule::Due(turn.now);
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
                },
                was_member,
            ) => {
                if !was_member {
                    self.probes.clear();
                    // The first look comes soon: whoever started the same cluster is found by it.
                    let soon =
                        pacing::watch_interval(self.settings.watch_interval, contact_points.len())
                            / 12;
                    let soon = soon.mul_f64(1.0 + turn.rng.random::<f64>());
                    self.lookup = Schedule::Due(turn.now + soon);
                }
                self.stage = Stage::Watching(Watching {
                    formation,
                    contact_points,
                });
            }
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
