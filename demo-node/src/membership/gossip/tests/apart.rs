//! Staying apart from strangers, and noticing who does not answer.

use std::time::Duration;

use crate::{
    membership::{
        gossip::DATAGRAM_LIMIT,
        members::Status,
        testing::{Net, SECRET, address, formation, settings},
        traffic::Rejection,
    },
    seal::{Keyring, Nonce, Purpose, Scope},
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_node_in_no_cluster_drops_everything() {
    let mut net = Net::cluster(2);
    net.start(settings(3));
    net.overheard = Some(Vec::new());
    net.run(SECOND);
    for (_, datagram) in net.overheard.take().unwrap() {
        let dropped = net.act(3, |node, now| node.received(&datagram, now));
        assert_eq!(dropped, Err(Rejection::NoCluster));
    }
    assert!(net.act(3, |node, _| node.next_datagram()).is_none());
}

#[test]
fn without_the_secret_nobody_joins_or_is_understood() {
    let mut net = Net::cluster(2);
    for (last, keyring) in [
        (3, Keyring::unsealed()),
        (
            4,
            Keyring::from_secrets(&["another secret, just as long as ours"]).unwrap(),
        ),
    ] {
        let mut stranger = settings(last);
        stranger.keyring = keyring;
        net.start(stranger);
        net.act(last, |node, now| {
            node.join(formation(1), &[address(1)], now)
        })
        .unwrap();
        net.run(10 * SECOND);
        assert_eq!(net.status(last), Status::Joining);
    }
    assert_eq!(net.view(1).members.len(), 2);
    let traffic = net.act(1, |node, _| node.traffic().clone());
    assert!(10 < traffic.rejected[&Rejection::UnknownKey]);
    assert_eq!(traffic.rejected.len(), 1);
}

#[test]
fn every_reason_to_drop_a_datagram_is_told_apart_and_counted() {
    let mut net = Net::cluster(2);
    net.overheard = Some(Vec::new());
    net.run(SECOND);
    let genuine = net
        .overheard
        .take()
        .unwrap()
        .into_iter()
        .find(|(to, _)| *to == address(1))
        .unwrap()
        .1;
    let name = settings(1).cluster;
    let now = net.now();
    let sealed = |message: &[u8], purpose, unix_millis| {
        let scope = Scope {
            purpose,
            cluster: &name,
            id: Some(formation(1).id),
        };
        let keyring = Keyring::from_secrets(&[SECRET]).unwrap();
        keyring.seal(scope, message, unix_millis, Nonce::random())
    };
    let changed = |at: usize| {
        let mut changed = genuine.clone();
        changed[at] ^= 0xff;
        changed
    };
    let long_ago = now.unix_millis - 60_000;
    let cases = [
        (genuine.clone(), Rejection::Replayed),
        (b"hello".to_vec(), Rejection::TooShort),
        (vec![1; DATAGRAM_LIMIT + 1], Rejection::TooLarge),
        (changed(0), Rejection::UnknownVersion),
        (changed(1), Rejection::UnknownKey),
        (changed(5), Rejection::OtherCluster),
        (sealed(b"\0", Purpose::Gossip, long_ago), Rejection::Expired),
        (changed(44), Rejection::Forged),
        (changed(genuine.len() - 1), Rejection::Forged),
        (
            sealed(b"\0", Purpose::State, now.unix_millis),
            Rejection::Forged,
        ),
        (
            sealed(b"", Purpose::Gossip, now.unix_millis),
            Rejection::Malformed,
        ),
        (
            sealed(b"\0what?", Purpose::Gossip, now.unix_millis),
            Rejection::Malformed,
        ),
        (
            sealed(b"\x01", Purpose::Gossip, now.unix_millis),
            Rejection::Malformed,
        ),
        (
            sealed(b"\x07", Purpose::Gossip, now.unix_millis),
            Rejection::Malformed,
        ),
    ];
    let view = net.view(1);
    for (number, (datagram, reason)) in cases.iter().enumerate() {
        let dropped = net.act(1, |node, now| node.received(datagram, now));
        assert_eq!(dropped, Err(*reason), "case {number}");
    }
    assert_eq!(net.view(1), view);
    let rejected = net.act(1, |node, _| node.traffic().rejected.clone());
    assert_eq!(rejected.values().sum::<u64>(), cases.len() as u64);
    assert_eq!(rejected[&Rejection::Malformed], 4);
}

#[test]
fn no_datagram_is_longer_than_the_limit() {
    let mut net = Net::new();
    net.overheard = Some(Vec::new());
    for last in 1..=40 {
        let mut settings = settings(last);
        settings.roles = ["a-role-with-a-name-that-is-long-enough".to_owned()].into();
        net.start(settings);
        net.act(last, |node, now| match last {
            1 => node.found(formation(1), now),
            _ => node.join(formation(1), &[address(1)], now),
        })
        .unwrap();
    }
    net.run(SECOND);
    let longest = net.overheard.unwrap().iter().map(|(_, d)| d.len()).max();
    assert!((1300..=DATAGRAM_LIMIT).contains(&longest.unwrap()));
}

#[test]
fn who_does_not_answer_is_unreachable_and_then_removed() {
    let mut net = Net::cluster(3);
    net.kill(3);
    net.run_until(3 * SECOND, |net| {
        [1, 2]
            .into_iter()
            .all(|last| !net.sees(last, 3).unwrap().reachable)
    });
    for observer in [1, 2] {
        let seen = net.sees(observer, 3).unwrap();
        assert_eq!(seen.status, Status::Up);
        assert_eq!(seen.observed_by.len(), 1);
        assert!(!seen.observed_by.contains(&address(3)));
    }
    net.run_until(7 * SECOND, |net| {
        [1, 2]
            .into_iter()
            .all(|last| net.view(last).members.len() == 2)
    });
    assert_eq!(net.view(1).unreachable().count(), 0);
}

#[test]
fn who_answers_again_in_time_stays_under_its_old_generation() {
    let mut net = Net::cluster(4);
    let generation = net.sees(1, 4).unwrap().generation;
    net.cut_off = [address(4)].into();
    net.run_until(3 * SECOND, |net| !net.sees(1, 4).unwrap().reachable);
    net.cut_off.clear();
    net.run_until(SECOND, |net| net.sees(1, 4).unwrap().reachable);
    // Past the moment at which the suspicion would have ended.
    net.run(10 * SECOND);
    for last in 1..=4 {
        assert_eq!(net.view(last).members.len(), 4);
        assert_eq!(net.sees(last, 4).unwrap().generation, generation);
    }
}

#[test]
fn one_who_is_cut_off_finds_everybody_else_unreachable() {
    let mut net = Net::cluster(3);
    net.cut_off = [address(1)].into();
    net.run_until(10 * SECOND, |net| net.view(1).unreachable().count() == 2);
    for member in net.view(1).unreachable() {
        assert_eq!(member.observed_by, [address(1)].into());
    }
}
