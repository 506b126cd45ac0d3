//! Going: leaving, being asked to, and being given up.

use std::time::Duration;

use crate::membership::{
    gossip::Gossip,
    handle::Refused,
    members::{Removal, Status},
    testing::{Net, address, formation, settings},
    traffic::Rejection,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_leaves_is_seen_leaving_and_is_gone_within_two_seconds() {
    let mut net = Net::cluster(5);
    net.act(3, Gossip::leave);
    let mut leaving_seen = 0;
    for _ in 0..200 {
        net.run(Duration::from_millis(10));
        leaving_seen += usize::from(
            net.sees(1, 3)
                .is_some_and(|member| member.status == Status::Leaving),
        );
    }
    assert!(5 < leaving_seen);
    assert_eq!(net.status(3), Status::Removed);
    for last in [1, 2, 4, 5] {
        let view = net.view(last);
        assert_eq!(view.members.len(), 4);
        assert_eq!(view.gone[&address(3)], Removal::Left);
    }
    // Nobody calls on it again, and it does not answer.
    net.overheard = Some(Vec::new());
    net.run(60 * SECOND);
    assert!(
        net.overheard
            .take()
            .unwrap()
            .iter()
            .all(|(to, _)| *to != address(3))
    );
    assert_eq!(net.view(1).members.len(), 4);
}

#[test]
fn a_leader_that_leaves_leads_no_more_before_it_is_gone() {
    let mut net = Net::cluster(3);
    assert_eq!(net.view(2).leader().unwrap().gossip, address(1));
    net.act(1, Gossip::leave);
    net.run(Duration::from_millis(100));
    assert_eq!(net.sees(2, 1).unwrap().status, Status::Leaving);
    assert_eq!(net.view(2).leader().unwrap().gossip, address(2));
}

#[test]
fn all_leave_at_once() {
    let mut net = Net::cluster(3);
    for last in 1..=3 {
        net.act(last, Gossip::leave);
    }
    net.run(2 * SECOND);
    for last in 1..=3 {
        assert_eq!(net.status(last), Status::Removed);
    }
}

#[test]
fn who_is_alone_or_not_yet_in_leaves_at_once() {
    let mut net = Net::new();
    for last in 1..=3 {
        net.start(settings(last));
    }
    net.act(1, |node, now| node.found(formation(1), now))
        .unwrap();
    net.act(2, |node, now| node.join(formation(7), &[address(9)], now))
        .unwrap();
    for last in 1..=3 {
        net.act(last, Gossip::leave);
        assert_eq!(net.status(last), Status::Removed);
        let refused = net.act(last, |node, now| node.found(formation(1), now));
        assert_eq!(refused, Err(Refused::Leaving));
    }
}

#[test]
fn a_member_leaves_when_another_asks_it_to() {
    let mut net = Net::cluster(3);
    net.act(1, |node, now| node.leave_member(address(3), now))
        .unwrap();
    net.run(2 * SECOND);
    assert_eq!(net.status(3), Status::Removed);
    assert_eq!(net.view(2).gone[&address(3)], Removal::Left);
}

#[test]
fn a_request_that_gets_lost_is_repeated() {
    let mut net = Net::cluster(2);
    net.cut_off = [address(2)].into();
    net.act(1, |node, now| node.leave_member(address(2), now))
        .unwrap();
    net.run(Duration::from_millis(300));
    net.cut_off.clear();
    net.run(2 * SECOND);
    assert_eq!(net.status(2), Status::Removed);
}

#[test]
fn a_request_for_a_former_process_leaves_the_present_one_alone() {
    let mut net = Net::cluster(2);
    net.overheard = Some(Vec::new());
    net.act(1, |node, now| node.leave_member(address(2), now))
        .unwrap();
    net.kill(2);
    net.run(Duration::from_millis(1));
    let mut other_life = settings(2);
    other_life.uid = crate::cluster::NodeUid(102);
    other_life.started_at += 10_000;
    net.start(other_life);
    net.act(2, |node, now| node.join(formation(1), &[address(1)], now))
        .unwrap();
    net.run(3 * SECOND);
    assert_eq!(net.status(2), Status::Up);
    let dropped = net.act(2, |node, _| node.traffic().rejected.clone());
    assert!(!dropped.contains_key(&Rejection::Malformed));
}

#[test]
fn a_dead_member_can_be_removed_without_waiting() {
    let mut net = Net::cluster(3);
    net.kill(3);
    net.act(1, |node, now| node.down(address(3), now)).unwrap();
    net.run(Duration::from_millis(500));
    for last in [1, 2] {
        assert_eq!(net.view(last).members.len(), 2);
        assert_eq!(net.view(last).gone[&address(3)], Removal::Downed);
    }
}

#[test]
fn a_living_member_that_is_removed_goes_and_stays_away() {
    let mut net = Net::cluster(3);
    net.act(1, |node, now| node.down(address(3), now)).unwrap();
    net.run(30 * SECOND);
    assert_eq!(net.status(3), Status::Down);
    for last in [1, 2] {
        assert_eq!(net.view(last).members.len(), 2);
    }
}

#[test]
fn one_may_remove_oneself() {
    let mut net = Net::cluster(3);
    net.act(3, |node, now| node.down(address(3), now)).unwrap();
    net.run(2 * SECOND);
    assert_eq!(net.status(3), Status::Down);
    assert_eq!(net.view(1).members.len(), 2);

    net.act(2, |node, now| node.leave_member(address(2), now))
        .unwrap();
    net.run(2 * SECOND);
    assert_eq!(net.status(2), Status::Removed);
}

#[test]
fn who_is_no_member_can_neither_be_asked_nor_removed() {
    let mut net = Net::cluster(2);
    let unknown = Err(Refused::Unknown(address(9)));
    assert_eq!(net.act(1, |node, now| node.down(address(9), now)), unknown);
    assert_eq!(
        net.act(1, |node, now| node.leave_member(address(9), now)),
        unknown
    );
    net.start(settings(3));
    let outside = net.act(3, |node, now| node.down(address(1), now));
    assert_eq!(outside, Err(Refused::NotMember));
}
