//! The nodes, counted in the same way as a node that wants to found a cluster counts them.

use std::collections::BTreeSet;

use crate::{
    bootstrap::{founding::majority, state::DEFAULT_PARTICIPANTS},
    cluster::ClusterId,
    config::bootstrap::ExpectedNodes,
    doctor::facts::{Asked, Facts, Told},
};

/// The nodes, counted in the same way as a node that wants to found a cluster counts them.
#[derive(Debug)]
pub(super) struct Counted {
    /// Contact points that discovery names.
    pub(super) listed: usize,
    /// How many nodes are expected, if any node knows.
    pub(super) expected: Option<usize>,
    /// How many may take part in founding.
    pub(super) participants: usize,
    /// How many of these must consent.
    pub(super) quorum: usize,
    /// How many answered that can take part: with the key, and with a clock that is right enough.
    pub(super) able: usize,
    /// The clusters that nodes with the key are in: when each was founded, and its id.
    pub(super) clusters: BTreeSet<(u64, ClusterId)>,
}

impl Counted {
    pub(super) fn of(facts: &Facts) -> Self {
        let proven = facts.proven();
        let listed = facts.points.len() + facts.unasked;
        let heard = proven.iter().filter_map(|node| node.expected).max();
        let expected = own_number(&facts.asked, facts.told.as_ref()).max(heard);
        let configured = facts.asked.participants;
        let most = match expected {
            Some(expected) => expected.max(configured.unwrap_or(0)),
            None => configured.unwrap_or(DEFAULT_PARTICIPANTS),
        };
        let participants = most.max(listed);
        Self {
            listed,
            expected,
            participants,
            quorum: majority(participants),
            able: proven
                .iter()
                .filter(|node| node.skew.is_tolerable())
                .count(),
            clusters: proven
                .iter()
                .filter_map(|node| node.cluster)
                .map(|cluster| (cluster.founded_at, cluster.id))
                .collect(),
        }
    }

    /// Whether a node that starts has a cluster to join, or enough others to found one.
    pub(super) fn suffices(&self) -> bool {
        !self.clusters.is_empty() || self.quorum <= self.able
    }
}

fn own_number(asked: &Asked, told: Option<&Told>) -> Option<usize> {
    match (asked.expected, told) {
        (ExpectedNodes::Number(number), _) => Some(number.into()),
        (ExpectedNodes::Auto, Some(Told::Nodes(number))) => Some(*number),
        (ExpectedNodes::Auto | ExpectedNodes::Unknown, _) => None,
    }
}
