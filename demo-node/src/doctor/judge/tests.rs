//! One way to be wrong after the other: what is seen, and what is made of it.

mod aws;
mod listing;
mod points;
mod shown;

use std::time::Duration;

use discovery::{
    AddressSource, Attempt, Completeness, DropReason, Dropped, Error, MetadataProblem, Missing,
    PartialReason, Remedy, Resolved, Target,
    config::{AddressFamily, MethodName},
};

use super::*;
use crate::{
    bootstrap::{ContactPoint, clocks::Skew},
    cluster::{ClusterId, Formation, NodeUid},
    config::bootstrap::ExpectedNodes,
    doctor::{
        calls::{Call, CallResult},
        facts::{
            Asked, Gossip, Here, Management, Node, OwnAddress, OwnTask, Point, Proven, Scope,
            Stranger, Told,
        },
        finding::Code,
    },
};

use Severity::{Failure, Warning};

const FORMATION: Formation = Formation {
    id: ClusterId(7),
    founded_at: 1,
};

fn arn(n: u8) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task/demo/{n:032x}")
}

fn at(n: u8) -> ContactPoint {
    ContactPoint(format!("10.0.0.{n}:7626").parse().unwrap())
}

fn node(n: u8) -> Management {
    Management::Proven(Proven {
        uid: NodeUid(n.into()),
        contact_point: at(n),
        cluster: Some(FORMATION),
        expected: Some(3),
        skew: Skew(10),
    })
}

fn off(n: u8, skew: i64) -> Management {
    match node(n) {
        Management::Proven(proven) => Management::Proven(Proven {
            skew: Skew(skew),
            cluster: None,
            ..proven
        }),
        other => other,
    }
}

fn outside(n: u8) -> Management {
    off(n, 10)
}

fn point(n: u8) -> Point {
    Point {
        at: at(n),
        own: n == 1,
        management: node(n),
        gossip_at: format!("10.0.0.{n}:7355").parse().unwrap(),
        gossip: Gossip::Answered {
            uid: NodeUid(n.into()),
            cluster: Some(FORMATION.id),
            skew: Skew(10),
        },
    }
}

fn attempt() -> Attempt {
    Attempt::new("ecs:ListTasks", "listing the tasks")
}

/// Three tasks of the service `orders`, one cluster, and this is the first of them.
fn well() -> Facts {
    let target = |n| Target::new(at(n).ip(), None, arn(n));
    let allowed = |&(action, optional)| Call {
        action,
        optional,
        result: CallResult::Allowed,
    };
    Facts {
        asked: Asked {
            method: MethodName::Ecs,
            service: "orders".to_owned(),
            services: Vec::new(),
            scope: Scope::EcsCluster("demo".to_owned()),
            role: None,
            tags: Vec::new(),
            family: AddressFamily::Ipv4,
            region: Some("eu-west-1".to_owned()),
            expected: ExpectedNodes::Auto,
            participants: None,
            may_found: true,
            management_port: 7626,
            fallback_port: 7626,
            gossip_port: 7355,
            exposed: Vec::new(),
        },
        here: Here {
            address: Ok(OwnAddress {
                ip: at(1).ip(),
                source: Some(AddressSource::TaskMetadata),
                zone: Some("eu-west-1a".to_owned()),
            }),
            task: Some(OwnTask {
                arn: arn(1),
                cluster: Some("arn:aws:ecs:eu-west-1:123456789012:cluster/demo".to_owned()),
                service: Some("orders".to_owned()),
                zone: None,
                network_mode: Some("awsvpc".to_owned()),
            }),
            node: Some(Node {
                at: at(1).0,
                management: node(1),
                says: Some("member of the cluster".to_owned()),
            }),
        },
        calls: crate::doctor::calls::actions(MethodName::Ecs, false)
            .iter()
            .map(allowed)
            .collect(),
        lookup: Ok(Resolved::of(
            "orders",
            (1..=3).map(target).collect(),
            Completeness::Complete,
        )),
        told: Some(Told::Nodes(3)),
        filtered_hosts: Vec::new(),
        points: (1..=3).map(point).collect(),
        unasked: 0,
        took: Duration::from_secs(1),
    }
}

/// The same before there is a cluster.
fn forming() -> Facts {
    let mut facts = well();
    for point in &mut facts.points {
        let Management::Proven(proven) = &mut point.management else {
            unreachable!()
        };
        proven.cluster = None;
    }
    facts.here.node.as_mut().unwrap().management = outside(1);
    facts
}

fn listing(facts: &mut Facts) -> &mut Resolved {
    facts.lookup.as_mut().unwrap()
}

fn drop_as(facts: &mut Facts, n: u8, reason: DropReason) {
    let listing = listing(facts);
    listing.targets.retain(|target| target.id != arn(n));
    listing.dropped.push(Dropped::new(arn(n), reason));
    facts.points.retain(|point| point.at != at(n));
}

fn no_address(missing: Missing) -> DropReason {
    DropReason::NoAddress {
        wanted: "IPv4 address".to_owned(),
        missing,
    }
}

/// Nobody listens at these.
fn dead(facts: &mut Facts, points: &[u8]) {
    for point in &mut facts.points {
        if points.iter().any(|n| at(*n) == point.at) {
            point.management = Management::Refused;
            point.gossip = Gossip::Refused;
        }
    }
}

fn denied(facts: &mut Facts, action: &str) {
    let call = facts.calls.iter_mut().find(|call| call.action == action);
    call.unwrap().result = CallResult::Denied {
        resource: Some("*".to_owned()),
        caller: Some("arn:aws:sts::123456789012:assumed-role/node/0123".to_owned()),
    };
}

/// What is found first, how bad it is, and a word of what to do.
#[track_caller]
fn check(
    change: impl FnOnce(&mut Facts),
    code: Code,
    severity: Severity,
    advice: &str,
) -> Diagnosis {
    let mut facts = forming();
    change(&mut facts);
    let diagnosis = judge(&facts);
    let first = diagnosis.findings.first().unwrap();
    assert_eq!(
        (first.code, first.severity),
        (code, severity),
        "{diagnosis:#?}"
    );
    assert!(diagnosis.first.contains(advice), "{}", diagnosis.first);
    diagnosis
}
