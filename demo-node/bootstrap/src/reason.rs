//! What a node waits for, for people and for programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use super::{ContactPoint, clocks::Skew};

/// The first rule that is not met, with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(
    tag = "rule",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum WaitReason {
    /// The first lookup has not ended.
    #[error("waiting for the first lookup")]
    NoLookupYet,
    /// The last lookup failed, and what was seen before is not enough. The next lookup may end this wait.
    #[error("the last lookup failed, and what was seen before is not enough to found a cluster")]
    LookupFailed,
    /// The last lookup was partial, and the number of expected nodes is unknown. The next complete
    /// lookup ends this wait.
    #[error(
        "the last lookup was partial; only a complete view may found a cluster while the number of \
         expected nodes is unknown"
    )]
    PartialView,
    /// `new-cluster-enabled` is off, and no contact point knows a cluster.
    #[error("no contact point knows a cluster, and new-cluster-enabled is off")]
    NewClusterDisabled,
    /// The number of expected nodes is still being asked for.
    #[error("waiting for the number of expected nodes")]
    ExpectedNodesPending,
    /// Discovery lists too few contact points.
    #[error("waiting for contact points: {found} found, {required} needed")]
    TooFewContactPoints {
        /// How many there are.
        found: usize,
        /// How many must consent.
        required: usize,
    },
    /// Discovery does not list this node.
    #[error("discovery does not list this node's own contact point {me}")]
    NotListed {
        /// This node's contact point.
        me: ContactPoint,
    },
    /// A lower address has answered, so that node goes first. If the number of expected nodes is
    /// known, this lasts only a few seconds.
    #[error("waiting for {lowest}, the lowest address that answers, to found the cluster")]
    LowerAddressAnswers {
        /// The node that goes first.
        lowest: ContactPoint,
    },
    /// Some contact points have no fresh answer, and all must have one.
    #[error(
        "{} of {contact_points} contact points have not answered with the cluster's key: {}",
        .silent.len(),
        list(.silent)
    )]
    NotAllAnswered {
        /// Those that have not.
        silent: BTreeSet<ContactPoint>,
        /// How many there are in all.
        contact_points: usize,
    },
    /// The contact points have changed within the stable margin.
    #[error("waiting until the list of contact points has not changed for {margin:?}")]
    NotStable {
        /// How long they must not have changed.
        #[serde(serialize_with = "as_text")]
        margin: Duration,
    },
    /// This node asks a few contact points at a time whether there is a cluster to join. When it is its turn, it asks
    /// all of them and may found a cluster.
    #[error(
        "looking for a cluster to join, {few} contact points at a time, until it is this node's turn to ask all of them"
    )]
    Seeking {
        /// How many at a time.
        few: usize,
    },
    /// Too few contact points have answered to consent to a new cluster.
    #[error("waiting for contact points to answer: {answered} answered, {quorum} needed")]
    TooFewAnswered {
        /// How many have answered freshly and are in no cluster, this node included.
        answered: usize,
        /// How many must consent.
        quorum: usize,
    },
    /// Too few can consent: the clocks of some are too far from this node's for one cluster.
    #[error(
        "waiting for contact points with a correct clock: {answered} found, {quorum} needed; {}. Correct the clocks{}",
        clocks(.apart),
        suspect(.apart, *.answered)
    )]
    ClocksApart {
        /// How many have a fresh answer and a correct clock and are in no cluster, this node included.
        answered: usize,
        /// How many must consent.
        quorum: usize,
        /// The others, and how many milliseconds their clocks are ahead of this node's.
        apart: BTreeMap<ContactPoint, Skew>,
    },
}

fn list(points: &BTreeSet<ContactPoint>) -> String {
    first_few(points.iter().map(ToString::to_string))
}

fn clocks(apart: &BTreeMap<ContactPoint, Skew>) -> String {
    let clocks = apart.iter();
    first_few(clocks.map(|(point, skew)| format!("the clock of {point} is {skew}")))
}

/// If all others are far from this node, then usually its own clock is wrong.
fn suspect(apart: &BTreeMap<ContactPoint, Skew>, answered: usize) -> &'static str {
    if answered == 1 && 1 < apart.len() {
        ", first this node's: it is far from all others"
    } else {
        ""
    }
}

/// There may be hundreds.
fn first_few(all: impl ExactSizeIterator<Item = String>) -> String {
    const MOST: usize = 5;
    let others = all.len().saturating_sub(MOST);
    let mut listed: Vec<_> = all.take(MOST).collect();
    if others != 0 {
        listed.push(format!("and {others} more"));
    }
    listed.join(", ")
}

fn as_text<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn point(last: u8) -> ContactPoint {
        ContactPoint(SocketAddr::from(([10, 0, 0, last], 7626)))
    }

    #[test]
    fn a_reason_reads_as_a_sentence_with_its_numbers() {
        let reason = WaitReason::NotAllAnswered {
            silent: [2, 3].map(point).into(),
            contact_points: 4,
        };
        assert_eq!(
            reason.to_string(),
            "2 of 4 contact points have not answered with the cluster's key: 10.0.0.2:7626, 10.0.0.3:7626"
        );
        let json = serde_json::to_value(WaitReason::TooFewContactPoints {
            found: 1,
            required: 2,
        });
        let expected =
            serde_json::json!({"rule": "too-few-contact-points", "found": 1, "required": 2});
        assert_eq!(json.unwrap(), expected);
    }
}
