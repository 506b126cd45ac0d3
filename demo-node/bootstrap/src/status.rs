//! What the bootstrap has seen and what it waits for, for `GET /bootstrap` and the metrics.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use discovery::{Chain, Completeness, Discovery, Resolved, excerpt};
use serde::Serialize;

use super::{
    ContactPoint,
    clocks::Skew,
    coordinator::{Coordinator, Phase},
    expected::Expectation,
    minority::Minority,
};
use crate::cluster::Formation;

/// The bootstrap's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Status {
    /// What it waits for or does.
    #[serde(flatten)]
    pub phase: Phase,
    /// The same, as a sentence.
    pub message: String,
    /// The discovery method.
    pub method: &'static str,
    /// The contact points that discovery lists.
    pub contact_points: Vec<ContactPointStatus>,
    /// How many processes may take part in founding a cluster.
    pub participants: usize,
    /// How many nodes the deployment should run, if that is known.
    pub expected_nodes: Option<usize>,
    /// The same number, if this node was told it itself. It tells others only this one.
    #[serde(skip)]
    pub told_to_expect: Option<usize>,
    /// Why that number was not known, the last time.
    pub expected_nodes_problem: Option<String>,
    /// How many must consent to a new cluster.
    pub quorum: usize,
    /// How many have consented so far, while this node asks for consent.
    pub consents: Option<usize>,
    /// The last lookup.
    pub last_lookup: Option<LastLookup>,
    /// Lookups by outcome.
    pub lookups: Lookups,
    /// When a lookup was last complete: milliseconds since 1970.
    pub last_complete_at: Option<u64>,
    /// Targets dropped, by reason, over all lookups.
    pub dropped: BTreeMap<&'static str, u64>,
    /// AWS calls by action, then by outcome.
    pub calls: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Probes by outcome.
    pub probes: Probes,
    /// Where two clusters with the same name were seen. No two entries name the same pair.
    pub alarms: Vec<Alarm>,
}

/// Two clusters with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// The older one, which has precedence.
    pub older: Formation,
    /// The other.
    pub younger: Formation,
}

/// A contact point, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContactPointStatus {
    /// Which.
    pub contact_point: ContactPoint,
    /// Whether it is a member of this node's cluster. Members are not probed.
    pub member: bool,
    /// Whether it has answered within the probing failure timeout.
    pub answered: bool,
    /// How many milliseconds its clock is ahead of this node's, if it is too far off for one cluster; negative if it
    /// is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<Skew>,
    /// Why its last answer does not count, or that there was none.
    pub problem: Option<String>,
}

/// Probes by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Probes {
    /// Answered by a node with the cluster's key.
    pub answered: u64,
    /// Answered by something else, or with an answer that does not count.
    pub rejected: u64,
    /// Not answered.
    pub silent: u64,
}

/// How the last lookup ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LastLookup {
    /// `complete`, `partial` or `failed`.
    pub completeness: &'static str,
    /// Why it is partial or failed: the first [`MOST_SHOWN`].
    pub reasons: Vec<String>,
    /// How many of the listed targets were used.
    pub targets: usize,
    /// What was listed but dropped, id and reason: the first [`MOST_SHOWN`].
    pub dropped: Vec<(String, String)>,
    /// How many were dropped in all.
    pub dropped_count: usize,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// How many dropped or missing items of a lookup are shown. There can be thousands with the same reason.
pub const MOST_SHOWN: usize = 100;

/// How much of an id is shown. An ARN has about 100 characters.
const LONGEST_ID: usize = 300;

/// Lookups by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lookups {
    /// Complete views.
    pub complete: u64,
    /// Partial views.
    pub partial: u64,
    /// Failures.
    pub failed: u64,
}

// === impl Status ===

impl Status {
    /// The status of a bootstrap that has just started.
    #[must_use]
    pub fn new(method: &'static str, coordinator: &Coordinator, now: Instant) -> Self {
        let mut status = Self {
            phase: coordinator.phase(),
            message: String::new(),
            method,
            contact_points: Vec::new(),
            participants: 0,
            expected_nodes: None,
            told_to_expect: None,
            expected_nodes_problem: None,
            quorum: 0,
            consents: None,
            last_lookup: None,
            lookups: Lookups::default(),
            last_complete_at: None,
            dropped: BTreeMap::new(),
            calls: BTreeMap::new(),
            probes: Probes::default(),
            alarms: Vec::new(),
        };
        status.update(coordinator, |_| None, now);
        status
    }

    /// Takes over what the coordinator has seen, and why some contact points did not answer.
    pub fn update(
        &mut self,
        coordinator: &Coordinator,
        problem: impl Fn(&ContactPoint) -> Option<String>,
        now: Instant,
    ) {
        let state = coordinator.state();
        self.phase = coordinator.phase();
        self.message = self.phase.to_string();
        let clocks = state.wrong_clocks();
        self.contact_points = state
            .contact_points(now)
            .map(|(contact_point, answered)| {
                let member = coordinator.is_fellow(contact_point);
                let clock = clocks.get(&contact_point);
                ContactPointStatus {
                    contact_point,
                    member,
                    answered,
                    // A node that is a member has a correct clock again.
                    clock_ahead_ms: clock.copied().filter(|_| !member),
                    problem: problem(&contact_point),
                }
            })
            .collect();
        self.participants = state.participants(now);
        self.quorum = state.quorum(now);
        self.consents = coordinator.consents();
        self.told_to_expect = state.own_number();
        self.expected_nodes = match state.expectation(now) {
            Expectation::Known(expected) => Some(expected),
            Expectation::Asking | Expectation::Unknown => None,
        };
    }

    /// The smaller side of a split, if this node is on it.
    #[must_use]
    pub fn minority(&self) -> Option<Minority> {
        match &self.phase {
            Phase::Member { minority, .. } => *minority,
            Phase::Waiting { .. } | Phase::Founding { .. } | Phase::Joining { .. } => None,
        }
    }

    /// Adds what a lookup dropped to the totals.
    pub fn count_dropped(&mut self, resolved: &Resolved) {
        for dropped in &resolved.dropped {
            *self.dropped.entry(dropped.reason.label()).or_default() += 1;
        }
    }

    /// Takes over how many calls were made so far.
    pub fn count_calls(&mut self, discovery: &Discovery) {
        self.calls.clear();
        for ((action, outcome), calls) in discovery.calls() {
            let outcomes = self.calls.entry(action).or_default();
            outcomes.insert(outcome.as_str(), calls);
        }
    }
}

// === impl LastLookup ===

impl LastLookup {
    /// A lookup that gave a view.
    #[must_use]
    pub fn ended(resolved: &Resolved, took: Duration) -> Self {
        let (completeness, reasons) = match &resolved.completeness {
            Completeness::Complete => ("complete", Vec::new()),
            Completeness::Partial(reasons) => {
                let shown = reasons.iter().take(MOST_SHOWN);
                ("partial", shown.map(ToString::to_string).collect())
            }
        };
        let dropped = resolved
            .dropped
            .iter()
            .take(MOST_SHOWN)
            .map(|d| (excerpt(&d.id, LONGEST_ID), d.reason.to_string()))
            .collect();
        Self {
            completeness,
            reasons,
            targets: resolved.targets.len(),
            dropped,
            dropped_count: resolved.dropped.len(),
            elapsed_ms: millis(took),
        }
    }

    /// A lookup that failed.
    #[must_use]
    pub fn failed(error: &discovery::Error, took: Duration) -> Self {
        Self {
            completeness: "failed",
            reasons: vec![Chain(error).to_string()],
            targets: 0,
            dropped: Vec::new(),
            dropped_count: 0,
            elapsed_ms: millis(took),
        }
    }

    /// Whether both say the same, apart from how long they took.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self {
            elapsed_ms: 0,
            ..self.clone()
        } == Self {
            elapsed_ms: 0,
            ..other.clone()
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
