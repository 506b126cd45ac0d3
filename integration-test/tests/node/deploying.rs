//! The deploy program reads the logs of nodes that form no cluster: it must know each sentence with which they say what they wait for.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use demo_node::bootstrap::{ContactPoint, reason::WaitReason};
use deploy::{
    evidence::{Evidence, lines},
    stacks::Failure,
};

const MEANING: &str = "the most likely cause: the nodes run, but they are not a cluster yet";

#[test]
fn every_reason_to_wait_is_understood_in_the_log_of_a_failed_deployment() {
    let mut reason = Some(first());
    while let Some(known) = reason {
        let told = told(&format!("INFO {known}"));
        assert!(told.contains(MEANING), "{known} is not understood: {told}");
        assert!(told.contains(&known.to_string()), "{told}");
        reason = next(&known);
    }
}

#[test]
fn what_a_node_says_otherwise_is_no_reason_to_wait() {
    for line in ["INFO this node is a member", "INFO joining the cluster"] {
        assert_eq!(told(line), "");
    }
}

fn first() -> WaitReason {
    WaitReason::NoLookupYet
}

/// The one after this. A new one has no place here, and so does not compile.
fn next(reason: &WaitReason) -> Option<WaitReason> {
    let point = ContactPoint(SocketAddr::from(([10, 0, 0, 7], 7626)));
    Some(match reason {
        WaitReason::NoLookupYet => WaitReason::LookupFailed,
        WaitReason::LookupFailed => WaitReason::PartialView,
        WaitReason::PartialView => WaitReason::NewClusterDisabled,
        WaitReason::NewClusterDisabled => WaitReason::ExpectedNodesPending,
        WaitReason::ExpectedNodesPending => WaitReason::TooFewContactPoints {
            found: 1,
            required: 2,
        },
        WaitReason::TooFewContactPoints { .. } => WaitReason::NotListed { me: point },
        WaitReason::NotListed { .. } => WaitReason::LowerAddressAnswers { lowest: point },
        WaitReason::LowerAddressAnswers { .. } => WaitReason::NotAllAnswered {
            silent: BTreeSet::from([point]),
            contact_points: 3,
        },
        WaitReason::NotAllAnswered { .. } => WaitReason::NotStable {
            margin: Duration::from_secs(5),
        },
        WaitReason::NotStable { .. } => WaitReason::Seeking { few: 3 },
        WaitReason::Seeking { .. } => WaitReason::TooFewAnswered {
            answered: 1,
            quorum: 2,
        },
        WaitReason::TooFewAnswered { .. } => WaitReason::ClocksApart {
            answered: 1,
            quorum: 2,
            apart: BTreeMap::new(),
        },
        WaitReason::ClocksApart { .. } => return None,
    })
}

/// What is said of a deployment that has failed, where the log of a node ends so.
fn told(line: &str) -> String {
    let failure = Failure {
        stack: "orders-service".to_owned(),
        id: "arn".to_owned(),
        status: "DELETE_COMPLETE".to_owned(),
        causes: Vec::new(),
        resources: BTreeMap::new(),
        gave_up: BTreeSet::new(),
        gap: None,
    };
    let evidence = Evidence {
        log: vec![line.to_owned()],
        ..Evidence::default()
    };
    let told = lines(&failure, &evidence);
    let meant = told
        .iter()
        .filter(|line| line.starts_with("the most likely"));
    meant.cloned().collect()
}
