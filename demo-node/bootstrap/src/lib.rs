//! From "who is listed" to "who is in": join the cluster that exists, or found it.
//!
//! Discovery only says whom to ask. [`state`] decides from what those say, [`founding`] makes sure
//! that only one cluster is founded, and [`run`] carries both out.
#![warn(missing_docs)]

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

use crate::cluster::NodeUid;

// What names, seals and asks.
pub mod clock;
pub mod cluster;
pub mod http;
pub mod net;
pub mod seal;

// The bootstrap.
pub mod clocks;
pub mod contact;
pub mod coordinator;
pub mod expected;
pub mod founding;
pub mod minority;
pub mod pacing;
pub mod reason;
pub mod run;
pub mod state;
pub mod status;
mod survey;
pub mod wire;

/// Where a peer's management HTTP answers.
///
/// Ordered by address, then port: the lowest that answers proposes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactPoint(pub SocketAddr);

/// A node's process, and where it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Which process: one that restarts is another.
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
