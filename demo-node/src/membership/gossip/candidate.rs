//! The cluster that a member would go over to, until that has answered.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::cluster::Formation;

/// How long a cluster has to answer. Whoever looks for clusters names it again, if it is still there.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Another cluster, to which this node would go over.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) formation: Formation,
    pub(super) seeds: BTreeSet<SocketAddr>,
    pub(super) until: Instant,
}
