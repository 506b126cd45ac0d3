//! The settings of the bootstrap, and their defaults.

use std::time::Duration;

use discovery::{DEFAULT_RESOLVE_TIMEOUT, Lookup};

use crate::{cluster::ClusterName, contact::Selection, coordinator, process::Process};

/// The settings of the bootstrap.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The cluster's name. Messages are sealed for it.
    pub cluster: ClusterName,
    /// The rules and the pace.
    pub coordinator: coordinator::Settings,
    /// What is looked up: the service with the cluster's name, unless it has another one.
    pub lookup: Lookup,
    /// The time limit of one lookup with all its calls, for each page that the list may have. 3 s.
    pub resolve_timeout: Duration,
    /// The time limit of one probe or one founding message. 1 s.
    pub ask_timeout: Duration,
    /// Which of discovery's targets are contact points. A target without a port is asked on the same port as this
    /// node's.
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
