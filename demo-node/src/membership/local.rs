//! This node, as its membership is told about it, and the speed of gossip.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use crate::{
    cluster::{ClusterName, NodeUid},
    seal::Keyring,
};

/// What the membership is told about its node.
#[derive(Debug, Clone)]
pub struct Local {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// Where the others send this node's datagrams.
    pub gossip: SocketAddr,
    /// Where the others reach its management endpoint.
    pub management: SocketAddr,
    /// Distinguishes this life of the node from any other at its address.
    pub uid: NodeUid,
    /// When this life began: milliseconds since 1970.
    pub started_at: u64,
    /// What the node is for, in the operator's words.
    pub roles: BTreeSet<String>,
    /// The program's version.
    pub version: String,
    /// Its availability zone, if known.
    pub zone: Option<String>,
    /// What seals datagrams.
    pub keyring: Keyring,
    /// How fast to gossip and how long to wait.
    pub timing: Timing,
}

/// How fast to gossip and how long to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How often each node probes one member. A dead member is noticed after one to three of these.
    pub probe_period: Duration,
    /// How long a probe waits for an answer before others are asked to probe. Less than half the period.
    pub probe_rtt: Duration,
    /// How long an unreachable member may take to object before it is removed, in a cluster of up to ten; longer in
    /// larger ones, with the logarithm of their size.
    pub suspicion: Duration,
    /// How often news is passed on.
    pub gossip_period: Duration,
    /// How often one random member is asked which members it knows.
    pub announce_period: Duration,
    /// How often missing peers are tried again, by a node in a cluster of up to ten.
    pub knock_period: Duration,
    /// How long a missing peer is tried, and a dead one remembered, at most: if more than 256 members are gone, some
    /// are forgotten earlier.
    pub memory: Duration,
    /// How long a leaving node is shown as leaving before it is gone.
    pub leave_notice: Duration,
}

impl Timing {
    /// Enough for what is guaranteed for clusters of up to fifty nodes in one region: unreachable within 3 s, removed
    /// within 10 s, merged again within 10 s.
    #[must_use]
    pub fn lan() -> Self {
        Self {
            probe_period: Duration::from_millis(300),
            probe_rtt: Duration::from_millis(100),
            suspicion: Duration::from_secs(3),
            gossip_period: Duration::from_millis(100),
            announce_period: Duration::from_secs(10),
            knock_period: Duration::from_secs(2),
            memory: Duration::from_secs(3600),
            leave_notice: Duration::from_millis(200),
        }
    }
}
