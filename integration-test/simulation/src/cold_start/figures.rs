//! What is started, and how it went.

use std::time::Duration;

use serde::Serialize;

/// What is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many nodes.
    pub nodes: usize,
    /// How many of them a second; all within one second where none is given. The service's desired count is raised as
    /// they are started: else a majority of it would be there after half of the time only.
    pub per_second: Option<u32>,
    /// How many tasks are listed besides that never get an address.
    pub never_ready: u16,
    /// The time from a question to its answer, of AWS and of nodes.
    pub round_trip: Duration,
    /// What everything random follows from.
    pub seed: u64,
}

/// How it went. Times are virtual.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// How many were started.
    pub nodes: usize,
    /// How many of them are members of the cluster that has the most.
    pub members: usize,
    /// How many clusters were ever started.
    pub clusters: usize,
    /// From the first start until all were members of one cluster, in seconds; none if they never were.
    pub seconds: Option<f64>,
    /// Calls that AWS granted until then, for each node.
    pub granted_calls_per_node: f64,
    /// Those and the calls that it throttled.
    pub attempted_calls_per_node: f64,
    /// The most probes that were sent within one second, for each node.
    pub peak_probes_per_node_second: f64,
    /// From a node's start until it is a member: half of all need no longer.
    pub median_seconds_to_member: Option<f64>,
    /// The same for 99 of 100.
    pub p99_seconds_to_member: Option<f64>,
}

/// A cluster, into whose service an older one comes that is not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Met {
    /// Until the first member knew of it.
    pub noticed: Duration,
    /// Until all were members of the older one.
    pub left_for: Duration,
    /// The calls that both made to AWS meanwhile, a second and page of the list.
    pub calls_per_second_and_page: f64,
}

/// What the coordinator's turns cost this machine, of a node that asks everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// How many there were.
    pub turns: usize,
    /// Half of them took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}
