//! The cluster that a member is about to join instead of its own, until that cluster has answered.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::cluster::Formation;

/// How long a cluster may take to answer. If it still exists, the next look will find it again.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Another cluster that this node is about to join.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) formation: Formation,
    pub(super) seeds: BTreeSet<SocketAddr>,
    pub(super) until: Instant,
}
