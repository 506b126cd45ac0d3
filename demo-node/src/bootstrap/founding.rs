//! How a new cluster's id is decided: single-decree Paxos among the contact points.
//!
//! Pure functions of messages: no IO, no clock, no randomness. [`super::run`] carries the messages,
//! the model checker and the simulations carry them worse.
//!
//! Source: L. Lamport, "Paxos Made Simple" (2001), section 2. Every process is an [`Acceptor`] until
//! it is a member; whoever may found a cluster runs a [`Proposer`]. What is promised or accepted is
//! remembered for the life of the process, and a restarted process takes part as a new one, which
//! is why a quorum is counted in processes ([`NodeUid`]), not in addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};

use super::ContactPoint;
use crate::cluster::{Formation, NodeUid};

/// A numbered attempt. No two processes share one, since it ends in the process's own uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// Counts up; a later attempt overrules an earlier one.
    pub round: u64,
    /// Whose attempt.
    pub proposer: NodeUid,
}

/// What is decided: which cluster, and who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// The new cluster.
    pub formation: Formation,
    /// Who proposed it first. It starts the cluster; others join it.
    pub founder: Founder,
}

/// A node that proposed a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Founder {
    /// Which process.
    pub uid: NodeUid,
    /// Where it answers.
    pub contact_point: ContactPoint,
    /// Where it gossips.
    pub node: SocketAddr,
}

/// From a proposer to an acceptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Phase 1: promise to take part in nothing earlier.
    Prepare(Ballot),
    /// Phase 2: accept this.
    Accept(Ballot, Proposal),
    /// This has been decided.
    Decided(Proposal),
}

/// From an acceptor to a proposer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reply {
    /// Promised, with what was accepted before, if anything was.
    Promised {
        /// To which request.
        ballot: Ballot,
        /// The latest that was accepted.
        accepted: Option<(Ballot, Proposal)>,
    },
    /// Accepted.
    Accepted {
        /// To which request.
        ballot: Ballot,
    },
    /// Promised to a later attempt.
    Refused {
        /// To which request.
        ballot: Ballot,
        /// The later attempt.
        promised: Ballot,
    },
    /// A decision is known.
    Known(Proposal),
}

/// Votes on attempts. One per process, for as long as it is not a member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Acceptor {
    promised: Option<Ballot>,
    accepted: Option<(Ballot, Proposal)>,
    decided: Option<Proposal>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proposer {
    ballot: Ballot,
    quorum: usize,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Preparing {
        own: Proposal,
        promises: BTreeMap<NodeUid, Option<(Ballot, Proposal)>>,
    },
    Accepting {
        proposal: Proposal,
        accepts: BTreeSet<NodeUid>,
    },
    Over,
}

/// What a proposer does after a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Wait for more replies.
    Wait,
    /// Send this to every acceptor.
    Send(Request),
    /// It is decided.
    Decided(Proposal),
    /// A later attempt is under way: try again above it, after a while.
    Overruled(Ballot),
}

// === impl Acceptor ===

impl Acceptor {
    /// Answers a request and remembers what it promised.
    pub fn answer(&mut self, request: Request) -> Reply {
        if let Request::Decided(proposal) = request {
            self.decided = Some(proposal);
        }
        if let Some(proposal) = self.decided {
            return Reply::Known(proposal);
        }
        match request {
            Request::Prepare(ballot) => match self.promised {
                Some(promised) if ballot < promised => Reply::Refused { ballot, promised },
                _ => {
                    self.promised = Some(ballot);
                    Reply::Promised {
                        ballot,
                        accepted: self.accepted,
                    }
                }
            },
            Request::Accept(ballot, proposal) => match self.promised {
                Some(promised) if ballot < promised => Reply::Refused { ballot, promised },
                _ => {
                    self.promised = Some(ballot);
                    self.accepted = Some((ballot, proposal));
                    Reply::Accepted { ballot }
                }
            },
            Request::Decided(proposal) => Reply::Known(proposal),
        }
    }

    /// The decision, once this process has heard of it.
    #[must_use]
    pub fn decided(&self) -> Option<Proposal> {
        self.decided
    }

    /// The latest attempt that this process knows of.
    #[must_use]
    pub fn promised(&self) -> Option<Ballot> {
        self.promised
    }
}

// === impl Proposer ===

impl Proposer {
    /// Starts an attempt and gives what to send to every acceptor, this process included.
    ///
    /// `round` must be above every round that this process has used or heard of.
    #[must_use]
    pub fn start(round: u64, quorum: usize, own: Proposal) -> (Self, Request) {
        let ballot = Ballot {
            round,
            proposer: own.founder.uid,
        };
        let phase = Phase::Preparing {
            own,
            promises: BTreeMap::new(),
        };
        (
            Self {
                ballot,
                quorum,
                phase,
            },
            Request::Prepare(ballot),
        )
    }

    /// Takes a reply from the process `from`. Replies to other attempts are passed over.
    pub fn observe(&mut self, from: NodeUid, reply: Reply) -> Step {
        if self.phase == Phase::Over {
            return Step::Wait;
        }
        match reply {
            Reply::Known(proposal) => {
                self.phase = Phase::Over;
                Step::Decided(proposal)
            }
            Reply::Refused { ballot, promised } if ballot == self.ballot => {
                self.phase = Phase::Over;
                Step::Overruled(promised)
            }
            Reply::Promised { ballot, accepted } if ballot == self.ballot => {
                self.promised(from, accepted)
            }
            Reply::Accepted { ballot } if ballot == self.ballot => self.accepted(from),
            Reply::Refused { .. } | Reply::Promised { .. } | Reply::Accepted { .. } => Step::Wait,
        }
    }

    fn promised(&mut self, from: NodeUid, accepted: Option<(Ballot, Proposal)>) -> Step {
        let Phase::Preparing { own, promises } = &mut self.phase else {
            return Step::Wait;
        };
        promises.insert(from, accepted);
        if promises.len() < self.quorum {
            return Step::Wait;
        }
        // What may already have been decided goes on; only where nothing was accepted is there room
        // for an own proposal.
        let proposal = promises
            .values()
            .flatten()
            .max_by_key(|(ballot, _)| *ballot)
            .map_or(*own, |(_, proposal)| *proposal);
        self.phase = Phase::Accepting {
            proposal,
            accepts: BTreeSet::new(),
        };
        Step::Send(Request::Accept(self.ballot, proposal))
    }

    fn accepted(&mut self, from: NodeUid) -> Step {
        let Phase::Accepting { proposal, accepts } = &mut self.phase else {
            return Step::Wait;
        };
        accepts.insert(from);
        if accepts.len() < self.quorum {
            return Step::Wait;
        }
        let proposal = *proposal;
        self.phase = Phase::Over;
        Step::Decided(proposal)
    }
}

#[cfg(test)]
mod model;
