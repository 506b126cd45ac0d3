//! Votes: this node's votes on others' attempts, and others' votes on its own.

use rand::{Rng, RngExt, seq::IteratorRandom};

use super::{
    Coordinator, Looking, Output, Reply, Request, Stage, Turn,
    looking::VOTERS,
    stage::{Founding, Pause},
};
use crate::{
    cluster::{ClusterId, NodeUid},
    founding::{Ballot, Proposer, Step},
};

/// How long an attempt waits for its quorum, in probe intervals.
const ATTEMPT_PATIENCE: u32 = 2;

/// After this part of a probe interval, voters that did not know the number of expected nodes are asked again; after
/// that, each pause is twice as long. A voter that is asked again asks for the number.
const ASK_AGAIN: u32 = 8;

impl Coordinator {
    pub(super) fn asked<R: Rng>(&mut self, request: Request, turn: &mut Turn<'_, R>) {
        if let Request::Prepare(ballot) | Request::Accept(ballot, _) = request {
            self.round = self.round.max(ballot.round);
        }
        let reply = match self.decided().filter(|_| self.is_member()) {
            // A member no longer votes.
            Some(decided) => {
                self.told_of(request, turn);
                Reply::Known(decided)
            }
            None => {
                self.is_needed |= self.state.is_untold() && self.acceptor.has_consented(&request);
                let voter = self.voter(turn.unix_millis);
                self.acceptor.answer(request, voter)
            }
        };
        turn.out.push(Output::Reply(reply));
    }

    pub(super) fn replied<R: Rng>(&mut self, from: NodeUid, reply: Reply, turn: &mut Turn<'_, R>) {
        if let Stage::Founding(founding) = &self.stage
            && founding.among.contains_key(&from)
        {
            self.count(from, reply, turn);
        }
    }

    /// Asks for consent to a new cluster, unless this node already does so or waits before it tries again.
    pub(super) fn propose<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        match &mut self.stage {
            Stage::Founding(_) => return,
            Stage::Looking(looking) if looking.is_paused(turn.now) => {
                looking.reason = None;
                return;
            }
            Stage::Looking(_) | Stage::Joining(_) | Stage::Watching(_) => {}
        }
        self.round += 1;
        let ballot = Ballot {
            round: self.round,
            proposer: self.settings.rules.me.uid,
        };
        let own = ClusterId(turn.rng.random());
        let participants = self.state.participants(turn.now);
        let (proposer, request) = Proposer::start(ballot, participants, own);
        self.stage = Stage::Founding(Founding {
            proposer,
            among: self.state.among(turn.now),
            gives_up_at: turn.now + self.settings.probe_interval * ATTEMPT_PATIENCE,
            asks_again_at: turn.now + self.settings.probe_interval / ASK_AGAIN,
            asks_again_after: self.settings.probe_interval / ASK_AGAIN * 2,
            failures: self.stage.failures(),
        });
        self.broadcast(request, turn);
    }

    /// Counts a reply, and sends what follows; this node's own acceptor replies at once.
    fn count<R: Rng>(&mut self, uid: NodeUid, reply: Reply, turn: &mut Turn<'_, R>) {
        let Stage::Founding(founding) = &mut self.stage else {
            return;
        };
        match founding.proposer.observe(uid, reply) {
            Step::Wait => {}
            Step::Send(request) => self.broadcast(request, turn),
            Step::Overruled(ballot) => {
                self.round = self.round.max(ballot.round);
                self.attempt_failed(turn);
            }
            Step::Chosen(formation) => self.start(formation, turn),
            // `proceed` joins it, as with any other news.
            Step::Known(decided) => self.acceptor.learn(decided),
        }
    }

    fn broadcast<R: Rng>(&mut self, request: Request, turn: &mut Turn<'_, R>) {
        let Stage::Founding(founding) = &self.stage else {
            return;
        };
        let to = founding.among.iter();
        turn.out
            .extend(to.map(|(uid, point)| Output::Send(*point, *uid, request)));
        self.consent(request, turn);
    }

    /// This node's own vote on its own attempt.
    fn consent<R: Rng>(&mut self, request: Request, turn: &mut Turn<'_, R>) {
        let voter = self.voter(turn.unix_millis);
        let reply = self.acceptor.answer(request, voter);
        self.count(self.settings.rules.me.uid, reply, turn);
    }

    /// Asks voters again that consented before they were told the number of expected nodes: they may know it now.
    pub(super) fn ask_untold_again<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Stage::Founding(founding) = &mut self.stage else {
            return;
        };
        if turn.now < founding.asks_again_at || !founding.proposer.lacks_only_told() {
            return;
        }
        founding.asks_again_at = turn.now + founding.asks_again_after;
        founding.asks_again_after *= 2;
        let Some(request) = founding.proposer.request() else {
            return;
        };
        let me = self.settings.rules.me.uid;
        let is_untold = founding.proposer.untold().any(|uid| uid == me);
        let among = &founding.among;
        let untold = founding.proposer.untold();
        let points = untold.filter_map(|uid| Some((uid, *among.get(&uid)?)));
        turn.out.extend(
            points
                .sample(turn.rng, VOTERS)
                .into_iter()
                .map(|(uid, point)| Output::Send(point, uid, request)),
        );
        if is_untold {
            self.consent(request, turn);
        }
    }

    /// Tries again after a random pause that doubles with each failure, so that if two nodes overrule each other, one
    /// of them succeeds.
    pub(super) fn attempt_failed<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Stage::Founding(founding) = &self.stage else {
            return;
        };
        let quorum = founding.proposer.quorum();
        let failures = founding.failures.saturating_add(1).min(5);
        let most = self.settings.probe_interval / 8 * 2_u32.pow(failures);
        self.stage = Stage::Looking(Looking {
            reason: None,
            paused: Some(Pause {
                until: turn.now + most.mul_f64(turn.rng.random::<f64>()),
                quorum,
            }),
            failures,
        });
    }
}
