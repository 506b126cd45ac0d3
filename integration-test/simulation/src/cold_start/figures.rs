//! What is started, and how it went.

use std::time::Duration;

use serde::Serialize;

/// What is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many nodes.
    pub nodes: usize,
    /// How many of them start in a second; all within one second if not given. The service's desired count is raised
    /// as they start: otherwise a majority of it would run only after half of the time.
    pub per_second: Option<u32>,
    /// How many more tasks are listed that never get an address.
    pub never_ready: u16,
    /// The time from a question to its answer, for AWS and for nodes.
    pub round_trip: Duration,
    /// The seed of everything random.
    pub seed: u64,
}

/// How it went. Times are virtual.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// How many were started.
    pub nodes: usize,
    /// How many of them are members of the largest cluster.
    pub members: usize,
    /// How many clusters were formed.
    pub clusters: usize,
    /// From the first start until all were members of one cluster, in seconds; none if they never were.
    pub seconds: Option<f64>,
    /// Calls that AWS granted until then, for each node.
    pub granted_calls_per_node: f64,
    /// Those, and the calls that it throttled.
    pub attempted_calls_per_node: f64,
    /// The most probes sent within one second, per node.
    pub peak_probes_per_node_second: f64,
    /// From a node's start until it is a member: the median.
    pub median_seconds_to_member: Option<f64>,
    /// The same, for the 99th percentile.
    pub p99_seconds_to_member: Option<f64>,
}

/// A cluster, and an older one in the same service that it does not know yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Met {
    /// Until the first member knew the older one.
    pub noticed: Duration,
    /// Until all were members of the older one.
    pub left_for: Duration,
    /// The calls that both made to AWS in that time, per second and page of the list.
    pub calls_per_second_and_page: f64,
}

/// The time on this machine of one coordinator's turn, for a node that asks every other node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// How many turns there were.
    pub turns: usize,
    /// The median.
    pub median: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}
