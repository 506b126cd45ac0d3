//! How a new cluster is decided: single-decree Paxos among the contact points.
//!
//! Pure functions of messages: no IO, no clock, no randomness. [`Bootstrap`](crate::Bootstrap) carries the messages;
//! the model checker and the simulations also lose, repeat and delay them.
//!
//! Source: L. Lamport, "Paxos Made Simple" (2001), section 2. Every process is an [`Acceptor`] until it is a member;
//! a node that may found a cluster runs a [`Proposer`]. A process remembers its promises and acceptances only while
//! it lives, and a restarted process takes part as a new one. So a quorum is counted in processes ([`NodeUid`]), not
//! in addresses.
//!
//! A quorum is more than half of the processes that may take part. While a service is scaled, nodes know different
//! numbers, so each vote contains the number that the voter was told, and the highest counts. A voter that may still
//! be told another number does not count until it is told, unless [`TOLD`] others were told.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::cluster::{ClusterId, Formation, NodeUid};

/// How many of the consenting voters must know the number of expected nodes. If there are fewer, all of them.
pub const TOLD: usize = 16;

/// A numbered attempt. No two processes share one, because it contains the process's uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// Increases; a later attempt overrules an earlier one.
    pub round: u64,
    /// The process that makes the attempt.
    pub proposer: NodeUid,
}

/// A decided cluster, and which processes are in it or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decided {
    /// The cluster.
    pub formation: Formation,
    /// The gossip addresses of members that can let others in.
    pub seed: SocketAddr,
}

/// From a proposer to an acceptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Phase 1: promise to take part in nothing earlier.
    Prepare(Ballot),
    /// Phase 2: accept this.
    Accept(Ballot, Formation),
    /// This has been decided.
    Decided(Decided),
}

/// From an acceptor to a proposer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reply {
    /// A promise, with what was accepted before, if anything.
    Promised {
        /// To which request.
        ballot: Ballot,
        /// The latest accepted proposal.
        accepted: Option<(Ballot, Formation)>,
        /// Who promises.
        voter: Voter,
    },
    /// Accepted.
    Accepted {
        /// To which request.
        ballot: Ballot,
        /// Who accepts.
        voter: Voter,
    },
    /// It has promised a later attempt.
    Refused {
        /// To which request.
        ballot: Ballot,
        /// The later attempt.
        promised: Ballot,
    },
    /// A decision is known.
    Known(Decided),
}

/// What a voter says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Voter {
    /// The number of expected nodes that it was told, if any.
    pub expected: Option<usize>,
    /// Whether it was told none, and may soon be.
    pub untold: bool,
    /// Its wall clock, in milliseconds since 1970.
    pub clock: u64,
}

/// Votes on attempts. One for each process, until it is a member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Acceptor {
    promised: Option<Ballot>,
    accepted: Option<(Ballot, Formation)>,
    decided: Option<Decided>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proposer {
    ballot: Ballot,
    /// How many processes may take part, by the highest known number.
    participants: usize,
    progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Progress {
    Preparing {
        own: ClusterId,
        promises: BTreeMap<NodeUid, Promise>,
    },
    Accepting {
        formation: Formation,
        accepts: BTreeMap<NodeUid, Voter>,
    },
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Promise {
    accepted: Option<(Ballot, Formation)>,
    voter: Voter,
}

/// What a proposer does after a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Wait for more replies.
    Wait,
    /// Send this to every acceptor.
    Send(Request),
    /// A quorum has accepted it: start it.
    Chosen(Formation),
    /// It was decided before.
    Known(Decided),
    /// There is a later attempt: try again with a higher ballot, after a while.
    Overruled(Ballot),
}

/// More than half.
#[must_use]
pub fn majority(of: usize) -> usize {
    of / 2 + 1
}

// === impl Acceptor ===

impl Acceptor {
    /// Answers a request and remembers what it promised.
    pub fn answer(&mut self, request: Request, voter: Voter) -> Reply {
        if let Request::Decided(decided) = request {
            self.learn(decided);
        }
        if let Some(decided) = self.decided {
            return Reply::Known(decided);
        }
        match request {
            Request::Prepare(ballot) | Request::Accept(ballot, _)
                if self.promised.is_some_and(|promised| ballot < promised) =>
            {
                let promised = self.promised.unwrap_or(ballot);
                Reply::Refused { ballot, promised }
            }
            Request::Prepare(ballot) => {
                self.promised = Some(ballot);
                let accepted = self.accepted;
                Reply::Promised {
                    ballot,
                    accepted,
                    voter,
                }
            }
            Request::Accept(ballot, formation) => {
                self.promised = Some(ballot);
                self.accepted = Some((ballot, formation));
                Reply::Accepted { ballot, voter }
            }
            Request::Decided(decided) => Reply::Known(decided),
        }
    }

    /// Notes a decided cluster. The latest counts: there can only be two for other reasons than votes, and then the
    /// latest is the live one.
    pub fn learn(&mut self, decided: Decided) {
        self.decided = Some(decided);
    }

    /// Whether it has consented to this before: a proposer that asks again wants a better answer.
    #[must_use]
    pub fn has_consented(&self, request: &Request) -> bool {
        match request {
            Request::Prepare(ballot) => self.promised == Some(*ballot),
            Request::Accept(ballot, _) => self
                .accepted
                .is_some_and(|(accepted, _)| accepted == *ballot),
            Request::Decided(_) => false,
        }
    }

    /// The decision, if this process knows it.
    #[must_use]
    pub fn decided(&self) -> Option<Decided> {
        self.decided
    }
}

// === impl Proposer ===

impl Proposer {
    /// Starts an attempt to found the cluster `own`, and returns what to send to every acceptor, including this
    /// process.
    ///
    /// The ballot's round must be above every round that this process has used or heard of.
    #[must_use]
    pub fn start(ballot: Ballot, participants: usize, own: ClusterId) -> (Self, Request) {
        let progress = Progress::Preparing {
            own,
            promises: BTreeMap::new(),
        };
        let proposer = Self {
            ballot,
            participants,
            progress,
        };
        (proposer, Request::Prepare(ballot))
    }

    /// How many must consent, as far as is known.
    #[must_use]
    pub fn quorum(&self) -> usize {
        majority(self.participants)
    }

    /// How many have consented in the current round of messages.
    #[must_use]
    pub fn consents(&self) -> usize {
        self.voters().filter(|(_, voter)| !voter.untold).count()
    }

    /// Those that have consented in this round of messages, but may still be told the number of expected nodes.
    pub fn untold(&self) -> impl Iterator<Item = NodeUid> + '_ {
        let voters = self.voters();
        voters.filter(|(_, voter)| voter.untold).map(|(uid, _)| uid)
    }

    /// What to ask every acceptor now.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        match &self.progress {
            Progress::Preparing { .. } => Some(Request::Prepare(self.ballot)),
            Progress::Accepting { formation, .. } => Some(Request::Accept(self.ballot, *formation)),
            Progress::Over => None,
        }
    }

    fn voters(&self) -> impl Iterator<Item = (NodeUid, Voter)> + '_ {
        let (promises, accepts) = match &self.progress {
            Progress::Preparing { promises, .. } => (Some(promises), None),
            Progress::Accepting { accepts, .. } => (None, Some(accepts)),
            Progress::Over => (None, None),
        };
        let promised = promises.into_iter().flatten();
        let accepted = accepts.into_iter().flatten();
        promised
            .map(|(uid, promise)| (*uid, promise.voter))
            .chain(accepted.map(|(uid, voter)| (*uid, *voter)))
    }

    /// Whether enough have consented, but too few of them know the number.
    #[must_use]
    pub fn lacks_only_told(&self) -> bool {
        self.quorum() <= self.voters().count() && !self.is_quorum()
    }

    /// Whether enough have consented. If some of them may still be told another number, so many others must know
    /// their number that one of them would know that one, too, and one process more than anyone was told may take
    /// part.
    fn is_quorum(&self) -> bool {
        let (told, untold) = (self.consents(), self.untold().count());
        let all = told + untold;
        self.quorum() <= told || TOLD <= told && majority(self.participants + 1) <= all
    }

    /// Takes a reply from the process `from`. Replies to other attempts are ignored, and so is an earlier reply of
    /// the same process that arrives after the one with its number.
    pub fn observe(&mut self, from: NodeUid, reply: Reply) -> Step {
        if self.progress == Progress::Over {
            return Step::Wait;
        }
        match reply {
            Reply::Known(decided) => {
                self.progress = Progress::Over;
                Step::Known(decided)
            }
            Reply::Refused { ballot, promised } if ballot == self.ballot => {
                self.progress = Progress::Over;
                Step::Overruled(promised)
            }
            Reply::Promised {
                ballot,
                accepted,
                voter,
            } if ballot == self.ballot => {
                self.count(voter);
                self.promised(from, Promise { accepted, voter })
            }
            Reply::Accepted { ballot, voter } if ballot == self.ballot => {
                self.count(voter);
                self.accepted(from, voter)
            }
            Reply::Refused { .. } | Reply::Promised { .. } | Reply::Accepted { .. } => Step::Wait,
        }
    }

    fn count(&mut self, voter: Voter) {
        self.participants = self.participants.max(voter.expected.unwrap_or(0));
    }

    fn promised(&mut self, from: NodeUid, promise: Promise) -> Step {
        if let Progress::Preparing { promises, .. } = &mut self.progress {
            let known = promises.get(&from);
            if known.is_none_or(|known| known.voter.untold) {
                promises.insert(from, promise);
            }
        }
        let is_quorum = self.is_quorum();
        let Progress::Preparing { own, promises } = &self.progress else {
            return Step::Wait;
        };
        if !is_quorum {
            return Step::Wait;
        }
        // A value that may already be decided must be used; only if nothing was accepted may this node propose its
        // own. It is founded now: by the median of the clocks, not only by its own.
        let formation = promises
            .values()
            .filter_map(|promise| promise.accepted)
            .max_by_key(|(ballot, _)| *ballot)
            .map_or_else(
                || Formation {
                    id: *own,
                    founded_at: median(promises.values().map(|it| it.voter.clock).collect()),
                },
                |(_, formation)| formation,
            );
        self.progress = Progress::Accepting {
            formation,
            accepts: BTreeMap::new(),
        };
        Step::Send(Request::Accept(self.ballot, formation))
    }

    fn accepted(&mut self, from: NodeUid, voter: Voter) -> Step {
        let Progress::Accepting { formation, accepts } = &mut self.progress else {
            return Step::Wait;
        };
        if accepts.get(&from).is_none_or(|known| known.untold) {
            accepts.insert(from, voter);
        }
        let formation = *formation;
        if !self.is_quorum() {
            return Step::Wait;
        }
        self.progress = Progress::Over;
        Step::Chosen(formation)
    }
}

/// The median; of two, the earlier.
fn median(mut clocks: Vec<u64>) -> u64 {
    clocks.sort_unstable();
    let middle = clocks.len().saturating_sub(1) / 2;
    clocks.get(middle).copied().unwrap_or_default()
}

#[cfg(test)]
impl Proposer {
    /// Whether this reply may still change something.
    pub(super) fn awaits(&self, reply: &Reply) -> bool {
        match reply {
            Reply::Known(_) => self.progress != Progress::Over,
            Reply::Refused { ballot, .. } => {
                *ballot == self.ballot && self.progress != Progress::Over
            }
            Reply::Promised { ballot, .. } => {
                *ballot == self.ballot && matches!(self.progress, Progress::Preparing { .. })
            }
            Reply::Accepted { ballot, .. } => {
                *ballot == self.ballot && matches!(self.progress, Progress::Accepting { .. })
            }
        }
    }
}
