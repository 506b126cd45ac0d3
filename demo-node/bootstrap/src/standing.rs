//! What the service tells the bootstrap about its membership.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::{
    cluster::{Formation, NodeUid},
    minority::Reach,
    process::{ContactPoint, Process},
};

/// Whether this node is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not yet, or no longer.
    Outside,
    /// Yes.
    Member {
        /// Of which cluster.
        formation: Formation,
        /// Where the members answer, and which processes they are.
        members: BTreeMap<ContactPoint, NodeUid>,
        /// Which of them it reaches.
        reach: Reach,
        /// Members through which others may join, itself first; at most the first
        /// [`MOST_SEED_NODES`](crate::wire::MOST_SEED_NODES) are named. Empty while it lets nobody in.
        seeds: Vec<Seed>,
    },
}

/// A member through which others may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Where it gossips.
    pub gossip: SocketAddr,
    /// Its process.
    pub uid: NodeUid,
    /// Its status, for people: usually `Up`.
    pub status: String,
    /// Its roles, for people.
    pub roles: BTreeSet<String>,
}

impl Standing {
    /// A member of this cluster that reaches these others; others may join through any of them. `missing` says
    /// whether some members do not answer, or were removed for that: if too few are left, this node is on the smaller
    /// side of a split.
    #[must_use]
    pub fn member(
        formation: Formation,
        me: Process,
        others: impl IntoIterator<Item = Process>,
        missing: bool,
    ) -> Self {
        let others = others.into_iter().filter(|other| other.uid != me.uid);
        let reached: Vec<_> = std::iter::once(me).chain(others).collect();
        let members: BTreeMap<_, _> = reached
            .iter()
            .map(|process| (process.contact_point, process.uid))
            .collect();
        let reach = Reach {
            reachable: members.len(),
            missing,
        };
        Self::Member {
            formation,
            members,
            reach,
            seeds: reached.into_iter().map(Seed::from).collect(),
        }
    }
}

impl From<Process> for Seed {
    /// A member that is up and has no roles.
    fn from(process: Process) -> Self {
        Self {
            gossip: process.gossip,
            uid: process.uid,
            status: "Up".to_owned(),
            roles: BTreeSet::new(),
        }
    }
}
