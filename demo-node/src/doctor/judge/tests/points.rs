//! Whether the contact points answer, and how.

use super::*;

#[test]
fn a_cluster_that_is_well_has_no_findings() {
    let diagnosis = judge(&well());
    assert_eq!(diagnosis.findings, []);
    assert!(
        diagnosis
            .first
            .starts_with("Nothing: 3 nodes answer as members of the cluster")
    );
    assert!(
        diagnosis
            .first
            .contains("including the node on this machine")
    );
}

#[test]
fn where_no_cause_is_seen_it_says_what_the_node_waits_for() {
    let diagnosis = check(|_| {}, Code::NoClusterYet, Warning, "Try again");
    assert!(
        diagnosis.findings[0]
            .message
            .contains("says: member of the cluster")
    );
    let off = |facts: &mut Facts| facts.asked.may_found = false;
    check(
        off,
        Code::NoClusterYet,
        Warning,
        "bootstrap.new-cluster-enabled",
    );
    let mut late = well();
    late.here.node.as_mut().unwrap().management = outside(1);
    assert_eq!(judge(&late).findings[0].code, Code::NotAMember);
}

#[test]
fn a_closed_management_port() {
    let silent = |facts: &mut Facts| {
        for point in &mut facts.points[1..] {
            point.management = Management::Silent { connected: false };
        }
    };
    let diagnosis = check(silent, Code::ManagementClosed, Failure, "Allow TCP 7626");
    let first = &diagnosis.findings[0];
    assert_eq!(first.about, ["10.0.0.2:7626", "10.0.0.3:7626"]);
    assert!(
        first.message.contains("2 of them answer by gossip"),
        "{first:?}"
    );
    let dead_ones = |facts: &mut Facts| dead(facts, &[2, 3]);
    check(
        dead_ones,
        Code::ManagementClosed,
        Failure,
        "whether the nodes run there",
    );
    // A majority is there without the third.
    let one = |facts: &mut Facts| dead(facts, &[3]);
    check(one, Code::ManagementClosed, Warning, "");
}

#[test]
fn the_own_contact_point_is_no_fault_where_no_node_runs() {
    let mut facts = well();
    dead(&mut facts, &[1]);
    facts.here.node.as_mut().unwrap().management = Management::Refused;
    assert_eq!(judge(&facts).findings, []);
    // But where it does, it must answer to its listed address, too.
    let mut facts = well();
    dead(&mut facts, &[1]);
    assert_eq!(judge(&facts).findings[0].about, ["10.0.0.1:7626"]);
}

#[test]
fn a_closed_gossip_port() {
    let change = |gossip: Gossip| move |facts: &mut Facts| facts.points[1].gossip = gossip;
    let allow = "Allow UDP 7355";
    let diagnosis = check(change(Gossip::Silent), Code::GossipClosed, Failure, allow);
    assert_eq!(diagnosis.findings[0].about, ["10.0.0.2:7355"]);
    let listen = "membership.bind-port";
    check(change(Gossip::Refused), Code::GossipClosed, Failure, listen);
}

#[test]
fn who_answers_with_another_key_or_none_or_is_no_node() {
    let change = |stranger: Stranger| {
        move |facts: &mut Facts| {
            facts.points[2].management = Management::Rejected(stranger);
            facts.points[2].gossip = Gossip::Silent;
        }
    };
    let keys = "Give all nodes the same membership.keys";
    let diagnosis = check(change(Stranger::OtherKey), Code::OtherKey, Failure, keys);
    // That it cannot open what it is asked by gossip says nothing about its port.
    assert_eq!(diagnosis.findings.len(), 1, "{diagnosis:#?}");
    check(change(Stranger::NoProof), Code::OtherKey, Failure, keys);
    let name = Stranger::OtherName("billing".to_owned());
    check(
        change(name),
        Code::OtherName,
        Failure,
        "bootstrap.service-name",
    );
    let page = Stranger::NoNode("HTTP status 404".to_owned());
    check(change(page), Code::NoNode, Warning, "what listens there");
}

#[test]
fn clocks_that_are_wrong_there_or_here() {
    let there = |facts: &mut Facts| facts.points[1].management = off(2, 60_000);
    let diagnosis = check(
        there,
        Code::WrongClock,
        Failure,
        "Correct the clocks of 10.0.0.2:7626",
    );
    assert!(
        diagnosis.findings[0]
            .message
            .contains("1m ahead of this node's")
    );
    let here = |facts: &mut Facts| {
        facts.points[1].management = off(2, -60_000);
        facts.points[2].management = off(3, -61_000);
    };
    check(here, Code::WrongClock, Failure, "the clock of this machine");
    let by_gossip = |facts: &mut Facts| {
        facts.points[1].management = Management::Refused;
        facts.points[1].gossip = Gossip::Answered {
            uid: NodeUid(2),
            cluster: None,
            skew: Skew(60_000),
        };
    };
    check(by_gossip, Code::WrongClock, Failure, "10.0.0.2:7626");
    let bearable = |facts: &mut Facts| facts.points[1].management = off(2, 20_000);
    check(bearable, Code::NoClusterYet, Warning, "");
}

#[test]
fn two_clusters_and_a_node_that_knows_itself_by_another_address() {
    let mut two = well();
    let younger = Formation {
        id: ClusterId(3),
        founded_at: 2,
    };
    let Management::Proven(proven) = &mut two.points[2].management else {
        unreachable!()
    };
    proven.cluster = Some(younger);
    let diagnosis = judge(&two);
    let first = &diagnosis.findings[0];
    assert_eq!(first.code, Code::TwoClusters);
    let oldest_first = [FORMATION.id.to_string(), younger.id.to_string()];
    assert_eq!(first.about, oldest_first);

    let mut moved = well();
    let Management::Proven(proven) = &mut moved.points[2].management else {
        unreachable!()
    };
    proven.contact_point = at(9);
    assert_eq!(judge(&moved).findings[0].code, Code::OtherAddress);
}
