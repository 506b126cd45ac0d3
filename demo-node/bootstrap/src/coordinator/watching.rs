//! A member looks for other clusters with the same name, and for lost halves of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rand::{Rng, RngExt};

use super::{
    Coordinator, Decided, Expectation, Looking, Output, Request, Schedule, Stage, Standing, Turn,
    stage::{GoingTo, Joining, Watching},
};
use crate::{
    ContactPoint,
    cluster::NodeUid,
    minority::Few,
    pacing,
    state::{Event, KnownCluster, OnRival},
    survey::Turns,
};

/// How long a new member waits before it looks: until it knows how many members there are, since each looks less
/// often if there are more.
const GETTING_TO_KNOW: Duration = Duration::from_secs(5);

/// A member tells its fellow members about another cluster at most this often.
const TELL_AGAIN: Duration = Duration::from_secs(5);

impl Coordinator {
    pub(super) fn stands<R: Rng>(&mut self, standing: Standing, turn: &mut Turn<'_, R>) {
        match (standing, self.is_member()) {
            (Standing::Outside, false) => {}
            (Standing::Outside, true) => {
                self.lookup = Schedule::Due(turn.now);
                self.turns = Turns::new();
                self.minority = None;
                self.asking = Schedule::Off;
                self.next_asking = turn.now;
                self.stage = self.outside_again(turn.now);
            }
            (
                Standing::Member {
                    formation,
                    members,
                    reach,
                    seeds: _,
                },
                was_member,
            ) => {
                if !was_member {
                    self.probes.clear();
                    if self.asking != Schedule::UnderWay {
                        self.asking = Schedule::Off;
                    }
                }
                let mut watching = match &self.stage {
                    Stage::Watching(watching) => {
                        // The time that it has waited is a share of the pause as it was then.
                        let (all, since) = (watching.members.len(), watching.since);
                        let pause = pacing::watch_pause(self.settings.watch_interval, all);
                        let waited = turn.now.saturating_duration_since(since);
                        let left = watching.pauses - waited.as_secs_f64() / pause.as_secs_f64();
                        Watching {
                            since: turn.now.max(since),
                            pauses: left.max(0.0),
                            ..watching.clone()
                        }
                    }
                    Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => Watching {
                        formation,
                        members: BTreeMap::new(),
                        since: turn.now + GETTING_TO_KNOW,
                        pauses: turn.rng.random(),
                        fellows_told_at: None,
                        going_to: None,
                        reach,
                        few: Few::default(),
                    },
                };
                if watching.formation != formation {
                    watching.going_to = None;
                }
                if self.lookup != Schedule::UnderWay {
                    let pause = pacing::watch_pause(self.settings.watch_interval, members.len());
                    let due = watching.since + pause.mul_f64(watching.pauses);
                    self.lookup = Schedule::Due(due);
                }
                self.stage = Stage::Watching(Watching {
                    formation,
                    members,
                    reach,
                    ..watching
                });
            }
        }
    }

    /// A member is no longer in any cluster. If the older cluster has let it in, it is on its way there, and members
    /// of its old cluster that have not gone yet do not call it back.
    fn outside_again(&mut self, now: Instant) -> Stage {
        let going_to = match &self.stage {
            Stage::Watching(watching) => watching.going_to.clone(),
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => None,
        };
        let Some(GoingTo {
            formation, seeds, ..
        }) = going_to.filter(|going_to| going_to.is_lasting(now))
        else {
            return Stage::Looking(Looking {
                reason: None,
                paused: None,
                failures: 0,
            });
        };
        if let Some(&seed) = seeds.first() {
            self.acceptor.learn(Decided { formation, seed });
        }
        Stage::Joining(Joining {
            formation,
            seeds,
            since: now,
        })
    }

    /// A member checks which members it reaches. If it reaches too few, it asks for the number of expected nodes,
    /// which may have changed; until it gets an answer, the highest number that it has seen counts.
    pub(super) fn look_around<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Stage::Watching(watching) = &mut self.stage else {
            return;
        };
        let seen = watching.members.len();
        self.state.observe(turn.now, Event::Saw(seen));
        let expected = self.state.expectation(turn.now);
        let untold = watching
            .few
            .since()
            .is_some_and(|since| self.told_at.is_none_or(|told| told < since));
        if untold && let Expectation::Known(expected) = expected {
            self.state.observe(turn.now, Event::Saw(expected));
        }
        let became_few = watching.few.observe(turn.now, watching.reach, expected);
        let few = watching.few;
        self.minority = few.lasting(turn.now, self.settings.minority_after);
        let misses_number = self.misses_number() && self.asking == Schedule::Off;
        if became_few || misses_number {
            self.ask_for_number(turn.now);
        }
    }

    /// Whether a member needs the number of expected nodes: it has a number and reaches too few, or it has none and
    /// does not reach some members.
    pub(super) fn doubts_number(&self) -> bool {
        let is_few = match &self.stage {
            Stage::Watching(watching) => watching.few.since().is_some(),
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => false,
        };
        is_few || self.misses_number()
    }

    fn misses_number(&self) -> bool {
        match &self.stage {
            Stage::Watching(watching) => {
                watching.reach.missing && self.asks && self.state.own_number().is_none()
            }
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => false,
        }
    }

    /// When this node will be known to be on the smaller side of a split.
    pub(super) fn minority_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Watching(watching) => watching.few.lasts_at(self.settings.minority_after),
            Stage::Looking(_) | Stage::Founding(_) | Stage::Joining(_) => None,
        }
    }

    /// The default.
    fn ask_for_number(&mut self, at: Instant) {
        if self.settings.expectation == Expectation::Asking && self.asking != Schedule::UnderWay {
            self.asking = Schedule::Due(at);
        }
    }

    /// A member finds a cluster at a contact point. If it is another one, the member tells others: about an older
    /// cluster its own fellow members, which each join it by themselves; about its own older cluster the member that
    /// it met there.
    pub(super) fn met_at<R>(
        &mut self,
        point: ContactPoint,
        uid: NodeUid,
        cluster: &KnownCluster,
        turn: &mut Turn<'_, R>,
    ) {
        self.met(cluster, turn);
        let me = self.settings.rules.me;
        let Stage::Watching(watching) = &mut self.stage else {
            return;
        };
        let (ours, theirs) = (watching.formation, cluster.formation);
        let Some(seed) = cluster.seeds.first().filter(|_| ours.id != theirs.id) else {
            return;
        };
        if ours.precedes(&theirs) {
            let decided = Decided {
                formation: ours,
                seed: me.gossip,
            };
            turn.out
                .push(Output::Send(point, uid, Request::Decided(decided)));
            return;
        }
        let lately = |at: Instant| turn.now.saturating_duration_since(at) < TELL_AGAIN;
        if watching.fellows_told_at.is_some_and(lately) {
            return;
        }
        watching.fellows_told_at = Some(turn.now);
        let decided = Decided {
            formation: theirs,
            seed: *seed,
        };
        let others = watching.members.iter();
        turn.out.extend(
            others
                .filter(|(_, uid)| **uid != me.uid)
                .map(|(point, uid)| Output::Send(*point, *uid, Request::Decided(decided))),
        );
    }

    /// A member finds a cluster, or is told of one.
    fn met<R>(&mut self, cluster: &KnownCluster, turn: &mut Turn<'_, R>) {
        let Stage::Watching(Watching { formation, .. }) = self.stage else {
            return;
        };
        if cluster.formation.id == formation.id {
            // The same cluster, at a node that is not a known member: two halves that have lost each other.
            turn.out.push(Output::Join(cluster.clone()));
            return;
        }
        self.alarm(formation, cluster.formation, turn);
        if self.settings.rules.on_rival == OnRival::Merge && cluster.formation.precedes(&formation)
        {
            self.go_over(cluster, turn);
        }
    }

    /// Asks the older cluster to let this member in, unless it has already asked these members. Of two older ones, it
    /// asks the oldest.
    fn go_over<R>(&mut self, cluster: &KnownCluster, turn: &mut Turn<'_, R>) {
        let Stage::Watching(watching) = &mut self.stage else {
            return;
        };
        let KnownCluster { formation, seeds } = cluster;
        let going_to = watching.going_to.take();
        let mut going_to = match going_to.filter(|before| before.is_lasting(turn.now)) {
            Some(before) if before.formation.precedes(formation) => {
                watching.going_to = Some(before);
                return;
            }
            Some(before) if before.formation == *formation => before,
            Some(_) | None => GoingTo {
                formation: *formation,
                seeds: BTreeSet::new(),
                since: turn.now,
            },
        };
        if !seeds.is_subset(&going_to.seeds) {
            going_to.seeds.extend(seeds);
            going_to.since = turn.now;
            turn.out.push(Output::Join(cluster.clone()));
        }
        watching.going_to = Some(going_to);
    }

    /// A member is told of a cluster: if it is its own, another node has started it, too; if it is another one, a
    /// fellow member has found it.
    pub(super) fn told_of<R>(&mut self, request: Request, turn: &mut Turn<'_, R>) {
        if let Request::Decided(Decided { formation, seed }) = request
            && seed != self.settings.rules.me.gossip
        {
            let seeds = BTreeSet::from([seed]);
            self.met(&KnownCluster { formation, seeds }, turn);
        }
    }
}
