//! What the bootstrap can be told, and what holds where it is not.

use std::time::Duration;

use discovery::{DEFAULT_RESOLVE_TIMEOUT, Lookup};

use crate::{cluster::ClusterName, contact::Selection, coordinator, process::Process};

/// What the bootstrap can be told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The cluster's name. Messages are sealed for it.
    pub cluster: ClusterName,
    /// The rules and the pace.
    pub coordinator: coordinator::Settings,
    /// What is looked up: the service of the cluster's name, unless it is another.
    pub lookup: Lookup,
    /// The limit of one lookup, all its calls included, for each page that there may be. 3 s.
    pub resolve_timeout: Duration,
    /// The limit of one probe or one founding message. 1 s.
    pub ask_timeout: Duration,
    /// Which of the targets that discovery names are contact points. A target without a port is asked at the port at
    /// which this node is.
    pub selection: Selection,
}

impl Settings {
    /// The defaults, for a process of the service with the cluster's name.
    #[must_use]
    pub fn new(cluster: ClusterName, me: Process) -> Self {
        let coordinator = coordinator::Settings::defaults(me);
        Self {
            lookup: Lookup::new(cluster.as_str()),
            resolve_timeout: DEFAULT_RESOLVE_TIMEOUT,
            ask_timeout: coordinator.probe_interval,
            selection: Selection::new(me.contact_point.0.port(), me.gossip),
            cluster,
            coordinator,
        }
    }

    /// This process.
    #[must_use]
    pub fn me(&self) -> Process {
        self.coordinator.rules.me
    }
}
