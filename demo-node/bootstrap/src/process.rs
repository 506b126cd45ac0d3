//! A node's process, and where others reach it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

use crate::cluster::NodeUid;

/// Where a peer's management HTTP answers.
///
/// Ordered by address, then port: the lowest one that answers proposes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactPoint(pub SocketAddr);

/// A node's process, and where others reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Which process: a restarted one is another.
    pub uid: NodeUid,
    /// Where it says that its management HTTP answers.
    pub contact_point: ContactPoint,
    /// Where it gossips.
    pub gossip: SocketAddr,
}

impl ContactPoint {
    /// The peer's address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.0.ip()
    }
}

impl fmt::Display for ContactPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Process {
    /// This process, with a random id: where peers ask it over HTTP, and where its membership is reached.
    #[must_use]
    pub fn new(contact_point: SocketAddr, gossip: SocketAddr) -> Self {
        Self {
            uid: NodeUid::random(),
            contact_point: ContactPoint(contact_point),
            gossip,
        }
    }
}
