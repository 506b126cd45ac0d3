//! The membership as one node sees it: a value, and questions about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};

use crate::cluster::{Formation, NodeUid};

/// The membership as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// This node itself.
    pub me: Member,
    /// The cluster that it is in, joining, or has left. None before it was told of one.
    pub formation: Option<Formation>,
    /// All nodes in the cluster by gossip address, also this node when it is joining and until it has left. A node
    /// that is not in here is not in the cluster.
    pub members: BTreeMap<SocketAddr, Member>,
    /// How former members were removed, for as long as they are remembered.
    pub gone: BTreeMap<SocketAddr, Removal>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where it gossips.
    pub gossip: SocketAddr,
    /// Where its management endpoint is.
    pub management: SocketAddr,
    /// Distinguishes this life of the node from any other at its address.
    pub uid: NodeUid,
    /// Counts how often it came and came back: the higher of two at one address is the newer.
    pub generation: u64,
    /// What it is for, in the operator's words.
    pub roles: BTreeSet<String>,
    /// When its process started: milliseconds since 1970, by its own clock.
    pub started_at: u64,
    /// The version of its program.
    pub version: String,
    /// Its availability zone, if known.
    pub zone: Option<String>,
    /// Its state between joining and leaving.
    pub status: Status,
    /// Whether it answers. If not, it is removed unless it objects in time.
    pub reachable: bool,
    /// Which member found it unreachable, as far as this node knows: this node, or the member that told it.
    pub observed_by: BTreeSet<SocketAddr>,
}

/// Why a node is no longer a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Removal {
    /// It left.
    Left,
    /// It was considered dead, or told to end.
    Downed,
    /// A newer process took its address.
    Replaced,
}

/// The state of a member between joining and leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It was told of a cluster that has not answered yet, or of none. Only seen for this node itself.
    Joining,
    /// A member.
    Up,
    /// It is about to leave by itself.
    Leaving,
    /// It was told to end at once. Only seen for this node itself.
    Down,
    /// It has left. Only seen for this node itself.
    Removed,
}

impl Members {
    /// The member with the lowest address that is up.
    #[must_use]
    pub fn leader(&self) -> Option<&Member> {
        self.up().next()
    }

    /// The member that started first; of several, the one with the lowest address.
    #[must_use]
    pub fn oldest(&self) -> Option<&Member> {
        self.up()
            .min_by_key(|member| (member.started_at, member.gossip))
    }

    /// The members that are up, by address.
    pub fn up(&self) -> impl Iterator<Item = &Member> {
        self.members
            .values()
            .filter(|member| member.status == Status::Up)
    }

    /// The members that do not answer, by address.
    pub fn unreachable(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| !member.reachable)
    }

    /// How many members have this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.members
            .values()
            .filter(|member| member.status == status)
            .count()
    }
}

impl Status {
    /// Whether the node is no longer part of the cluster.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Joining | Self::Up | Self::Leaving => false,
            Self::Down | Self::Removed => true,
        }
    }

    /// The status as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "Joining",
            Self::Up => "Up",
            Self::Leaving => "Leaving",
            Self::Down => "Down",
            Self::Removed => "Removed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Removal {
    /// The removal as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "Left",
            Self::Downed => "Downed",
            Self::Replaced => "Replaced",
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cluster::ClusterId;

    pub(in crate::membership) fn member(last: u8, status: Status) -> Member {
        let node = SocketAddr::from(([10, 0, 0, last], 7355));
        Member {
            gossip: node,
            management: SocketAddr::from(([10, 0, 0, last], 7626)),
            uid: NodeUid(last.into()),
            generation: 1,
            roles: BTreeSet::new(),
            started_at: 1000 - u64::from(last),
            version: "0.1.0".to_owned(),
            zone: None,
            status,
            reachable: true,
            observed_by: BTreeSet::new(),
        }
    }

    pub(in crate::membership) fn members(list: &[Member]) -> Members {
        Members {
            me: member(9, Status::Up),
            formation: Some(Formation {
                id: ClusterId(1),
                founded_at: 1,
            }),
            members: list
                .iter()
                .map(|member| (member.gossip, member.clone()))
                .collect(),
            gone: BTreeMap::new(),
        }
    }

    #[test]
    fn the_lowest_address_that_is_up_leads() {
        let all = members(&[
            member(3, Status::Up),
            member(1, Status::Leaving),
            member(2, Status::Up),
        ]);
        assert_eq!(all.leader(), Some(&member(2, Status::Up)));
        assert_eq!(members(&[member(1, Status::Joining)]).leader(), None);
    }

    #[test]
    fn the_first_to_start_is_the_oldest() {
        let all = members(&[
            member(3, Status::Up),
            member(5, Status::Leaving),
            member(2, Status::Up),
        ]);
        assert_eq!(all.oldest(), Some(&member(3, Status::Up)));
    }

    #[test]
    fn of_those_that_started_together_the_lowest_address_is_the_oldest() {
        let mut twin = member(2, Status::Up);
        twin.started_at = member(3, Status::Up).started_at;
        let all = members(&[member(3, Status::Up), twin.clone()]);
        assert_eq!(all.oldest(), Some(&twin));
    }
}
