//! What identifies members, and what each says about itself.
//!
//! An identity is an address and a generation. A process starts with the time as its generation, so that it replaces
//! an earlier one at its address; it takes a higher one whenever the others consider it dead and it wants to come
//! back.

use std::{collections::BTreeSet, fmt, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::cluster::NodeUid;

/// The longest step from one generation to the next: 50 days, in milliseconds.
const STEP_LIMIT: u64 = 1 << 32;

/// A member, as the protocol knows it. Two are equal if they have the same address and generation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) gossip: SocketAddr,
    pub(super) generation: u64,
    /// It leaves by itself, and will not come back.
    pub(super) leaving: bool,
    /// Every node in the cluster has this; a node that is only written to, or is dead, may not.
    #[serde(skip)]
    pub(super) about: Option<Arc<About>>,
    /// How far the next generation is from this one. Only known for this node itself.
    #[serde(skip)]
    step: u64,
}

/// A node's description of itself. It does not change while its process lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) management: SocketAddr,
    pub(super) uid: NodeUid,
    pub(super) started_at: u64,
    pub(super) roles: BTreeSet<String>,
    pub(super) version: String,
    pub(super) zone: Option<String>,
}

impl Identity {
    /// A process that has just started.
    pub(super) fn new(node: SocketAddr, about: About) -> Self {
        Self {
            gossip: node,
            generation: about.started_at,
            leaving: false,
            about: Some(Arc::new(about)),
            step: 1,
        }
    }

    /// Any node at an address.
    pub(super) fn anyone_at(node: SocketAddr) -> Self {
        Self {
            gossip: node,
            generation: 0,
            leaving: false,
            about: None,
            step: 1,
        }
    }

    /// The same one, with its description.
    pub(super) fn described(mut self, about: About) -> Self {
        self.about = Some(Arc::new(about));
        self
    }

    /// The same node, about to leave.
    pub(super) fn leaving(&self) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            leaving: true,
            ..self.clone()
        }
    }
}

impl foca::Identity for Identity {
    type Addr = SocketAddr;

    /// A leaving node does not come back. Others come back with a higher generation. An earlier process at this
    /// address may have had an even higher one, if the clock was set back: so each step is twice the last, and a
    /// difference of an hour takes 22 of them.
    fn renew(&self) -> Option<Self> {
        if self.leaving {
            return None;
        }
        Some(Self {
            generation: self.generation.saturating_add(self.step),
            step: (2 * self.step).min(STEP_LIMIT),
            ..self.clone()
        })
    }

    fn addr(&self) -> SocketAddr {
        self.gossip
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        adversary.generation < self.generation
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        (self.gossip, self.generation) == (other.gossip, other.generation)
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.gossip, self.generation)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use foca::Identity as _;

    use super::*;

    pub(in crate::membership) fn identity() -> Identity {
        Identity::new(
            SocketAddr::from(([10, 0, 0, 1], 7355)),
            About {
                management: SocketAddr::from(([10, 0, 0, 1], 7626)),
                uid: NodeUid(u64::MAX),
                started_at: 1_800_000_000_000,
                roles: ["api".to_owned(), "worker".to_owned()].into(),
                version: "0.1.0".to_owned(),
                zone: Some("eu-central-1a".to_owned()),
            },
        )
    }

    #[test]
    fn a_later_process_and_a_renewed_identity_win() {
        let former = identity();
        let renewed = former.renew().unwrap();
        assert!(renewed.win_addr_conflict(&former) && !former.win_addr_conflict(&renewed));
        assert_ne!(renewed, former);
        assert_eq!(renewed.about, former.about);
        assert!(former.leaving().win_addr_conflict(&former));
    }

    #[test]
    fn who_leaves_does_not_come_back() {
        assert_eq!(identity().leaving().renew(), None);
    }

    #[test]
    fn a_clock_set_back_an_hour_is_made_up_for_in_few_steps() {
        let former = identity();
        let mut later = identity();
        later.generation -= 3_600_000;
        let mut steps = 0;
        while !later.win_addr_conflict(&former) {
            later = later.renew().unwrap();
            steps += 1;
        }
        assert_eq!(steps, 22);
    }

    #[test]
    fn renewing_for_ever_never_runs_out() {
        let mut identity = identity();
        for _ in 0..1_000_000 {
            let renewed = identity.renew().unwrap();
            assert!(renewed.win_addr_conflict(&identity));
            identity = renewed;
        }
    }
}
