//! What a node sees of others: lists, answers, and numbers that it is told.

use std::{collections::BTreeSet, net::SocketAddr};

use discovery::{Completeness, PartialReason, Remedy};
use serde::{Deserialize, Serialize};

use crate::{
    ContactPoint,
    clocks::Skew,
    cluster::{ClusterId, Formation, NodeUid},
    expected::Told,
};

/// How a lookup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// With a complete view.
    Complete(BTreeSet<ContactPoint>),
    /// With a partial view.
    Partial {
        /// The contact points in it.
        contact_points: BTreeSet<ContactPoint>,
        /// Whether calls have failed: asking again at once would make it worse.
        hindered: bool,
        /// Whether only the first page was requested, and there are more.
        more_pages: bool,
    },
    /// Without a view.
    Failed,
}

/// What a contact point answers to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The process that answers.
    pub uid: NodeUid,
    /// Where it says that it answers. A node may be listed under several addresses.
    pub contact_point: ContactPoint,
    /// The cluster that it is a member of, and members that can be joined.
    pub cluster: Option<KnownCluster>,
    /// The number of expected nodes that it was told.
    pub expected: Option<usize>,
    /// How far its clock is from this node's. If it is too far, the two cannot be in one cluster: it counts as a
    /// process, but nobody waits for its consent, and no cluster that it names is joined.
    pub skew: Skew,
}

/// Something that was seen.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lookup ended.
    Looked(View),
    /// A contact point answered a probe.
    Answered {
        /// Which.
        from: ContactPoint,
        /// What.
        answer: Answer,
    },
    /// A contact point did not answer a probe.
    Unanswered {
        /// Which.
        from: ContactPoint,
    },
    /// The platform was asked for the number of expected nodes.
    Told(Told),
    /// A member sees this many members.
    Saw(usize),
    /// A cluster did not let this node in.
    ShutOut(ClusterId),
}

/// A cluster that a contact point is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCluster {
    /// Which cluster.
    pub formation: Formation,
    /// Members to join through, by gossip address. Never empty.
    pub seeds: BTreeSet<SocketAddr>,
}

impl View {
    /// The result of a lookup with these contact points.
    #[must_use]
    pub fn of(contact_points: BTreeSet<ContactPoint>, completeness: &Completeness) -> Self {
        match completeness {
            Completeness::Complete => Self::Complete(contact_points),
            // A task without an address may be on one page of several.
            Completeness::Partial(reasons) => Self::Partial {
                contact_points,
                hindered: reasons.iter().any(is_failed_call),
                more_pages: reasons.contains(&PartialReason::MorePages),
            },
        }
    }
}

/// Whether a call has failed: not only that a task is not ready, or that one of several services does not exist yet.
fn is_failed_call(reason: &PartialReason) -> bool {
    matches!(
        reason,
        PartialReason::GroupFailed { .. }
            | PartialReason::ListingEnded { .. }
            | PartialReason::ServiceFailed {
                remedy: Remedy::RetryLater,
                ..
            }
    )
}

#[cfg(test)]
mod tests {
    use discovery::Missing;

    use super::*;

    #[test]
    fn a_page_is_one_of_several_whatever_else_is_amiss_on_it() {
        let not_ready = PartialReason::NoAddress {
            id: "task/1".to_owned(),
            wanted: "IPv4 address".to_owned(),
            missing: Missing::Yet,
        };
        let failed = PartialReason::ListingEnded {
            error: "throttled".to_owned(),
        };
        let service_failed = |remedy| PartialReason::ServiceFailed {
            service: "prod/orders".to_owned(),
            error: "throttled".to_owned(),
            remedy,
        };
        for (reasons, hindered, more_pages) in [
            (vec![PartialReason::MorePages], false, true),
            (
                vec![PartialReason::MorePages, not_ready.clone()],
                false,
                true,
            ),
            (vec![not_ready], false, false),
            (vec![failed], true, false),
            (vec![service_failed(Remedy::RetryLater)], true, false),
            (vec![service_failed(Remedy::FixConfiguration)], false, false),
        ] {
            let expected = View::Partial {
                contact_points: BTreeSet::new(),
                hindered,
                more_pages,
            };
            let partial = Completeness::Partial(reasons);
            assert_eq!(View::of(BTreeSet::new(), &partial), expected, "{partial:?}");
        }
    }
}
