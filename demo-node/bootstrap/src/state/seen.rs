//! What a node sees of others: lists, answers, and what it is told.

use std::{collections::BTreeSet, net::SocketAddr};

use discovery::{Completeness, PartialReason};
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
    /// With all there is.
    Complete(BTreeSet<ContactPoint>),
    /// With some of it.
    Partial {
        /// Whom it names.
        contact_points: BTreeSet<ContactPoint>,
        /// Whether calls have failed: asking again at once would make it worse.
        hindered: bool,
        /// Whether only the first page was asked for, and there are more.
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
    /// How many nodes it was told to expect.
    pub expected: Option<usize>,
    /// How far its clock is from this node's. Where that is too far, it cannot be in a cluster with this node:
    /// it counts as a process, but nobody waits for its consent, and no cluster that it names is joined.
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
    /// The platform was asked how many nodes it means to run.
    Told(Told),
    /// A member sees so many members.
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
    /// What a lookup gave that named these.
    #[must_use]
    pub fn of(contact_points: BTreeSet<ContactPoint>, completeness: &Completeness) -> Self {
        match completeness {
            Completeness::Complete => Self::Complete(contact_points),
            // A task that has no address yet may stand on a page that is not the only one.
            Completeness::Partial(reasons) => Self::Partial {
                contact_points,
                hindered: reasons.iter().any(is_failed_call),
                more_pages: reasons.contains(&PartialReason::MorePages),
            },
        }
    }
}

/// Whether a call has failed, rather than a task that is not ready.
fn is_failed_call(reason: &PartialReason) -> bool {
    matches!(
        reason,
        PartialReason::GroupFailed { .. } | PartialReason::ListingEnded { .. }
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
        for (reasons, hindered, more_pages) in [
            (vec![PartialReason::MorePages], false, true),
            (
                vec![PartialReason::MorePages, not_ready.clone()],
                false,
                true,
            ),
            (vec![not_ready], false, false),
            (vec![failed], true, false),
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
