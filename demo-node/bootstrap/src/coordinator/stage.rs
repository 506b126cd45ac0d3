//! The stage of a node on its way into a cluster, with what it needs to know only in that stage.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    ContactPoint,
    cluster::{Formation, NodeUid},
    founding::Proposer,
    minority::{Few, Reach},
    reason::WaitReason,
};

/// How long it may take to be let in before the cluster is ignored for a while.
pub(super) const JOIN_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// In no cluster, and none is known: waits because of a rule, or after an attempt.
    Looking(Looking),
    /// Asks for consent to a new cluster.
    Founding(Founding),
    /// Asks to be let in, or has just started a cluster and does not know yet that it is in it.
    Joining(Joining),
    /// A member, which looks for other clusters with the same name.
    Watching(Watching),
}

#[derive(Debug, Clone)]
pub(super) struct Looking {
    /// The unmet rule. None if this node only waits before it tries again.
    pub(super) reason: Option<WaitReason>,
    pub(super) paused: Option<Pause>,
    /// How many attempts in a row have failed.
    pub(super) failures: u32,
}

/// The wait between two attempts.
#[derive(Debug, Clone)]
pub(super) struct Pause {
    pub(super) until: Instant,
    /// How many had to consent in the last attempt.
    pub(super) quorum: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Founding {
    pub(super) proposer: Proposer,
    /// The other processes that are asked.
    pub(super) among: BTreeMap<NodeUid, ContactPoint>,
    pub(super) gives_up_at: Instant,
    /// When to ask voters again that may know the number of expected nodes by now.
    pub(super) asks_again_at: Instant,
    /// The pause after that.
    pub(super) asks_again_after: Duration,
    pub(super) failures: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Joining {
    pub(super) formation: Formation,
    /// The members that were asked to let this node in; none if it starts the cluster itself.
    pub(super) seeds: BTreeSet<SocketAddr>,
    pub(super) since: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct Watching {
    pub(super) formation: Formation,
    /// Where the members answer, and which processes they are.
    pub(super) members: BTreeMap<ContactPoint, NodeUid>,
    /// When it began to wait for its next look.
    pub(super) since: Instant,
    /// How long it waits, in pauses of a member of a cluster of this size.
    pub(super) pauses: f64,
    /// When it last told its fellow members about another cluster.
    pub(super) fellows_told_at: Option<Instant>,
    /// The older cluster that it is about to join.
    pub(super) going_to: Option<GoingTo>,
    pub(super) reach: Reach,
    pub(super) few: Few,
}

/// A member asks to be let into another cluster, and stays in its own until then.
#[derive(Debug, Clone)]
pub(super) struct GoingTo {
    pub(super) formation: Formation,
    /// The members that are asked.
    pub(super) seeds: BTreeSet<SocketAddr>,
    pub(super) since: Instant,
}

// === impl Stage ===

impl Stage {
    /// When this stage ends by itself, if it does.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        match self {
            Self::Looking(looking) => looking.paused.as_ref().map(|pause| pause.until),
            Self::Founding(founding) => Some(founding.gives_up_at),
            Self::Joining(joining) => Some(joining.since + JOIN_PATIENCE),
            Self::Watching(_) => None,
        }
    }

    /// When something changes in this stage without an input, or when it ends.
    pub(super) fn changes_at(&self) -> Option<Instant> {
        match self {
            Self::Founding(founding) if founding.proposer.lacks_only_told() => {
                Some(founding.gives_up_at.min(founding.asks_again_at))
            }
            _ => self.ends_at(),
        }
    }

    /// The wait before the next attempt to found a cluster.
    pub(super) fn pause(&self) -> Option<Pause> {
        match self {
            Self::Looking(looking) => looking.paused.clone(),
            Self::Founding(_) | Self::Joining(_) | Self::Watching(_) => None,
        }
    }

    /// How many attempts to found a cluster have failed in a row.
    pub(super) fn failures(&self) -> u32 {
        match self {
            Self::Looking(looking) => looking.failures,
            Self::Founding(founding) => founding.failures,
            Self::Joining(_) | Self::Watching(_) => 0,
        }
    }
}

// === impl Looking ===

impl Looking {
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused.as_ref().is_some_and(|pause| now < pause.until)
    }
}

// === impl GoingTo ===

impl GoingTo {
    /// Whether it may still be let in.
    pub(super) fn is_lasting(&self, now: Instant) -> bool {
        now < self.since + JOIN_PATIENCE
    }
}

// === impl Joining ===

impl Joining {
    /// Whether this node starts the cluster itself.
    pub(super) fn starts(&self) -> bool {
        self.seeds.is_empty()
    }
}
