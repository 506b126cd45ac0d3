//! What the handlers read, and the handles that they use.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::watch;

use crate::{
    bootstrap::{self, minority::Minority},
    cluster::NodeAddress,
    log::LinesLost,
    membership::{self, Members, OnMinority},
};

/// What the handlers read, and the handles that they use.
#[derive(Debug, Clone)]
pub struct Sources {
    /// This node.
    pub node: NodeAddress,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// The bootstrap.
    pub bootstrap: bootstrap::Handle,
    /// The membership.
    pub membership: membership::Handle,
    /// How many streams of events there may be at the same time.
    pub streams: usize,
    /// What this node does on the smaller side of a split.
    pub on_minority: OnMinority,
    /// Whether the page is served.
    pub page: bool,
    /// Whether people may not write.
    pub read_only: bool,
    /// The host names that people's writing requests may use, besides IP addresses and `localhost`.
    pub host_names: BTreeSet<String>,
    /// Milliseconds since 1970, now.
    pub unix_millis: fn() -> u64,
    /// Counts the log lines that were dropped.
    pub lines_lost: LinesLost,
}

impl Sources {
    pub(super) fn members(&self) -> Arc<Members> {
        self.membership.members().borrow().clone()
    }

    pub(super) fn bootstrap_status(&self) -> watch::Receiver<Arc<bootstrap::status::Status>> {
        self.bootstrap.status()
    }

    /// The smaller side of a split, if this node is on it.
    pub(super) fn minority(&self) -> Option<Minority> {
        self.bootstrap_status().borrow().minority()
    }
}
