//! Becoming a member: of an existing cluster, or of the one that this node starts.

use std::collections::BTreeSet;

use rand::Rng;

use super::{Coordinator, Decided, Looking, Output, Request, Stage, Turn, stage::Joining};
use crate::{
    cluster::Formation,
    state::{Event, KnownCluster, OnRival},
};

impl Coordinator {
    /// Asks to be let in, unless it has already asked these members. A node on its way into the older of two clusters
    /// stays on its way as long as it may still be let in.
    pub(super) fn join<R>(&mut self, cluster: KnownCluster, turn: &mut Turn<'_, R>) {
        let KnownCluster {
            formation,
            mut seeds,
        } = cluster;
        let mut since = turn.now;
        if let Stage::Joining(joining) = &self.stage
            && joining.formation.precedes(&formation)
            && self.settings.rules.on_rival == OnRival::Merge
        {
            return;
        }
        if let Stage::Joining(joining) = &self.stage
            && joining.formation == formation
        {
            if joining.starts() || seeds.is_subset(&joining.seeds) {
                return;
            }
            seeds.extend(&joining.seeds);
            since = joining.since;
        }
        turn.out.push(Output::Join(KnownCluster {
            formation,
            seeds: seeds.clone(),
        }));
        self.stage = Stage::Joining(Joining {
            formation,
            seeds,
            since,
        });
    }

    /// Starts a decided cluster, and tells the others about it.
    pub(super) fn start<R: Rng>(&mut self, formation: Formation, turn: &mut Turn<'_, R>) {
        if let Stage::Joining(joining) = &self.stage
            && joining.formation == formation
            && joining.starts()
        {
            return;
        }
        let seed = self.settings.rules.me.gossip;
        let decided = Decided { formation, seed };
        self.acceptor.learn(decided);
        let among = self.state.among(turn.now);
        let told: BTreeSet<_> = among.values().copied().collect();
        let others = self.state.to_probe().filter(|point| !told.contains(point));
        let others = others.collect();
        self.probe_at_once(others, turn.now);
        turn.out.extend(
            among
                .into_iter()
                .map(|(uid, point)| Output::Send(point, uid, Request::Decided(decided))),
        );
        turn.out.push(Output::Start(formation));
        self.stage = Stage::Joining(Joining {
            formation,
            seeds: BTreeSet::new(),
            since: turn.now,
        });
    }

    /// Ends an attempt that gathers no quorum, and ignores a cluster for a while that does not let this node in.
    pub(super) fn end_what_takes_too_long<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        if self.stage.ends_at().is_none_or(|at| turn.now < at) {
            return;
        }
        match &self.stage {
            Stage::Founding(_) => self.attempt_failed(turn),
            Stage::Joining(joining) => {
                let shut_out = Event::ShutOut(joining.formation.id);
                self.state.observe(turn.now, shut_out);
                self.stage = Stage::Looking(Looking {
                    reason: None,
                    paused: None,
                    failures: 0,
                });
            }
            Stage::Looking(_) | Stage::Watching(_) => {}
        }
    }
}
