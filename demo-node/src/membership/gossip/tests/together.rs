//! Coming together: founding, joining, taking over state, finding back.

use std::{net::SocketAddr, time::Duration};

use crate::{
    cluster::NodeUid,
    membership::{
        environment::Entropy,
        events::{Event, events},
        gossip::{Gossip, Invalid},
        handle::{MergeError, Refused},
        local::Timing,
        members::{Removal, Status},
        testing::{Net, address, formation, settings},
        traffic::Rejection,
    },
    seal::Unopened,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_founder_is_a_member_at_once_and_alone() {
    let mut net = Net::new();
    net.start(settings(1));
    assert!(net.view(1).members.is_empty());
    net.act(1, |node, now| node.found(formation(1), now))
        .unwrap();
    let view = net.view(1);
    assert_eq!(view.me.status, Status::Up);
    assert_eq!(view.formation, Some(formation(1)));
    assert_eq!(view.leader(), Some(&view.me));
    assert_eq!(view.members.len(), 1);
}

#[test]
fn a_member_is_shown_as_it_described_itself() {
    let mut net = Net::cluster(2);
    let seen = net.sees(1, 2).unwrap();
    let told = settings(2);
    assert_eq!(seen.management, told.management);
    assert_eq!(seen.uid, told.uid);
    assert_eq!(seen.roles, told.roles);
    assert_eq!(seen.started_at, told.started_at);
    assert_eq!(seen.version, told.version);
    assert_eq!(seen.zone, told.zone);
    assert!(seen.reachable);
}

#[test]
fn a_state_that_was_sealed_just_now_is_handed_out_again() {
    let mut net = Net::cluster(2);
    let state = |net: &mut Net| net.act(1, Gossip::state).unwrap();
    let first = state(&mut net);
    net.run(Duration::from_millis(90));
    assert_eq!(state(&mut net), first);
    net.run(Duration::from_millis(10));
    assert_ne!(state(&mut net), first);
}

#[test]
fn a_node_asks_until_a_seed_that_starts_later_answers() {
    let mut net = Net::new();
    net.start(settings(2));
    net.act(2, |node, now| node.join(formation(1), &[address(1)], now))
        .unwrap();
    net.run(30 * SECOND);
    assert_eq!(net.status(2), Status::Joining);

    net.start(settings(1));
    net.act(1, |node, now| node.found(formation(1), now))
        .unwrap();
    net.run_until(3 * SECOND, |net| net.status(2) == Status::Up);
    net.run_until(SECOND, |net| net.view(1).members.len() == 2);
}

#[test]
fn a_member_told_to_join_again_asks_only_those_that_it_misses() {
    let mut net = Net::cluster(2);
    net.run(20 * SECOND);
    let seeds = [address(1), address(2), address(9)];
    net.act(2, |node, now| node.join(formation(1), &seeds, now))
        .unwrap();
    net.overheard = Some(Vec::new());
    net.run(Duration::from_millis(50));
    let overheard = net.overheard.take().unwrap();
    let asked: Vec<_> = overheard.into_iter().map(|(to, _)| to).collect();
    assert!(asked.contains(&address(9)));
    assert!(!asked.contains(&address(2)));
    let rejected = net.act(2, |node, _| node.traffic().rejected.clone());
    assert!(rejected.is_empty());
}

#[test]
fn two_that_started_the_same_cluster_find_each_other() {
    let mut net = Net::new();
    net.start(settings(1));
    net.start(settings(2));
    net.act(2, |node, now| node.join(formation(1), &[address(1)], now))
        .unwrap();
    net.run(SECOND);
    for last in [1, 2] {
        net.act(last, |node, now| node.found(formation(1), now))
            .unwrap();
    }
    net.run_until(3 * SECOND, |net| {
        [1, 2]
            .into_iter()
            .all(|last| net.view(last).members.len() == 2)
    });
}

#[test]
fn a_node_that_was_not_let_in_may_change_its_mind_and_a_member_may_not() {
    let mut net = Net::new();
    net.start(settings(1));
    net.start(settings(2));
    net.act(1, |node, now| node.found(formation(1), now))
        .unwrap();
    net.act(2, |node, now| node.join(formation(9), &[address(9)], now))
        .unwrap();
    net.run(SECOND);
    net.act(2, |node, now| node.join(formation(1), &[address(1)], now))
        .unwrap();
    net.run_until(SECOND, |net| net.status(2) == Status::Up);

    // The other cluster is forgotten.
    net.overheard = Some(Vec::new());
    net.run(10 * SECOND);
    let overheard = net.overheard.take().unwrap();
    assert!(overheard.iter().all(|(to, _)| *to != address(9)));

    let refused = Err(Refused::OtherCluster(formation(1)));
    assert_eq!(
        net.act(2, |node, now| node.found(formation(9), now)),
        refused
    );
    let join = net.act(2, |node, now| node.join(formation(9), &[address(9)], now));
    assert_eq!(join, refused);
    assert_eq!(
        net.act(2, |node, now| node.found(formation(1), now)),
        Ok(())
    );
    assert_eq!(net.view(2).formation, Some(formation(1)));
}

#[test]
fn two_clusters_of_one_name_and_secret_never_mix() {
    let mut net = Net::cluster(2);
    net.start(settings(3));
    net.act(3, |node, now| node.found(formation(2), now))
        .unwrap();
    // It is told that its cluster is to be found where the other one is.
    net.act(3, |node, now| {
        node.join(formation(2), &[address(1), address(2)], now)
    })
    .unwrap();
    net.run(60 * SECOND);
    assert_eq!(net.view(3).members.len(), 1);
    assert_eq!(net.view(1).members.len(), 2);
    let rejected = net.act(1, |node, _| node.traffic().rejected.clone());
    assert!(5 < rejected[&Rejection::OtherCluster]);
    assert_eq!(rejected.len(), 1);
}

#[test]
fn a_new_cluster_at_old_addresses_is_left_alone() {
    let mut net = Net::cluster(3);
    for last in [2, 3] {
        net.kill(last);
        let mut other_life = settings(last);
        other_life.uid = NodeUid(100 + u64::from(last));
        other_life.started_at += 5_000;
        net.start(other_life);
    }
    net.act(2, |node, now| node.found(formation(2), now))
        .unwrap();
    net.act(3, |node, now| node.join(formation(2), &[address(2)], now))
        .unwrap();
    net.run(60 * SECOND);
    assert_eq!(net.view(1).members.len(), 1);
    assert_eq!(net.view(2).members.len(), 2);
    assert_eq!(net.view(3).members.len(), 2);
}

#[test]
fn a_restarted_process_replaces_its_former_self() {
    for clock_set_back in [0, 3_600_000] {
        let mut net = Net::cluster(3);
        let before = net.view(1);
        net.kill(3);
        let mut other_life = settings(3);
        other_life.uid = NodeUid(103);
        other_life.started_at = other_life.started_at + 2_000 - clock_set_back;
        net.start(other_life);
        net.act(3, |node, now| node.join(formation(1), &[address(2)], now))
            .unwrap();
        net.run_until(3 * SECOND, |net| {
            [1, 2, 3].into_iter().all(|last| {
                net.sees(last, 3)
                    .is_some_and(|member| member.uid == NodeUid(103))
            })
        });
        net.run(20 * SECOND);
        let names: Vec<_> = events(&before, &net.view(1))
            .iter()
            .map(Event::name)
            .collect();
        assert_eq!(names, ["MemberRemoved", "MemberUp"]);
    }
}

#[test]
fn a_partition_heals_though_each_side_had_given_the_other_up() {
    let mut net = Net::cluster(4);
    net.cut_off = [address(1)].into();
    net.run_until(20 * SECOND, |net| {
        net.view(1).members.len() == 1 && net.view(2).members.len() == 3
    });
    let before = net.view(2);
    net.run(60 * SECOND);
    net.cut_off.clear();
    net.run_until(10 * SECOND, |net| {
        (1..=4).all(|last| {
            net.view(last)
                .up()
                .filter(|member| member.reachable)
                .count()
                == 4
        })
    });
    // The same process as ever, under a new generation.
    let node = net.sees(2, 1).unwrap();
    assert_eq!(node.uid, settings(1).uid);
    assert!(settings(1).started_at < node.generation);
    assert_eq!(events(&before, &net.view(2))[0].name(), "MemberUp");
}

#[test]
fn a_state_tells_a_newcomer_everything_at_once() {
    let mut net = Net::cluster(5);
    net.kill(5);
    net.run_until(20 * SECOND, |net| net.view(1).members.len() == 4);
    net.start(settings(6));
    net.act(6, |node, now| node.join(formation(1), &[], now))
        .unwrap();
    let state = net.act(1, Gossip::state).unwrap();
    net.act(6, |node, now| node.merge(&state, now)).unwrap();
    let view = net.view(6);
    assert_eq!(view.me.status, Status::Up);
    assert_eq!(view.members.len(), 5);
    assert_eq!(view.gone.len(), 1);
    // The others hear of it before long.
    net.run_until(SECOND, |net| net.sees(3, 6).is_some());
}

#[test]
fn a_state_is_taken_from_members_of_the_same_cluster_only() {
    let mut net = Net::cluster(2);
    let state = net.act(1, Gossip::state).unwrap();
    let gossip = net.act(2, |node, _| node.members().me.gossip);
    assert_eq!(gossip, address(2));
    let mut merge = |last, state: &[u8]| net.act(last, |node, now| node.merge(state, now));

    assert_eq!(merge(2, &state), Ok(()));
    let mut forged = state.clone();
    forged[100] ^= 1;
    assert_eq!(
        merge(2, &forged),
        Err(MergeError::Unopened(Unopened::Forged))
    );
    assert_eq!(
        merge(2, b"what?"),
        Err(MergeError::Unopened(Unopened::TooShort))
    );
    assert_eq!(merge(2, &vec![0; 5 << 20]), Err(MergeError::Malformed));

    net.start(settings(3));
    let refused = Err(MergeError::Refused(Refused::NotMember));
    assert_eq!(net.act(3, |node, now| node.merge(&state, now)), refused);
    assert_eq!(net.act(3, Gossip::state), Err(Refused::NotMember));
    net.act(3, |node, now| node.found(formation(2), now))
        .unwrap();
    let refused = Err(MergeError::Unopened(Unopened::OtherCluster));
    assert_eq!(net.act(3, |node, now| node.merge(&state, now)), refused);
    net.run(31 * SECOND);
    let refused = Err(MergeError::Unopened(Unopened::Expired));
    assert_eq!(net.act(2, |node, now| node.merge(&state, now)), refused);
}

#[test]
fn a_node_with_too_much_to_say_of_itself_is_refused() {
    let mut net = Net::new();
    let mut talkative = settings(1);
    talkative.roles = (0..30).map(|number| format!("role-{number}")).collect();
    let entropy = Entropy::System;
    let refused = Gossip::new(talkative, entropy, net.now()).unwrap_err();
    let Invalid::TooMuchToSay { bytes } = refused;
    assert!(200 < bytes);
    net.start(settings(1));
}

#[test]
fn members_of_a_younger_cluster_switch_to_the_older_one() {
    let mut net = Net::cluster(2);
    for last in [3, 4] {
        net.start(settings(last));
    }
    net.act(3, |node, now| node.found(formation(2), now))
        .unwrap();
    net.act(4, |node, now| node.join(formation(2), &[address(3)], now))
        .unwrap();
    net.run_until(10 * SECOND, |net| net.view(3).members.len() == 2);

    let before = net.view(3);
    for last in [3, 4] {
        net.act(last, |node, now| {
            node.switch(formation(1), &[address(1)], now)
        })
        .unwrap();
    }
    net.run_until(10 * SECOND, |net| {
        (1..=4).all(|last| net.view(last).members.len() == 4)
    });
    for last in 1..=4 {
        assert_eq!(net.view(last).formation, Some(formation(1)));
        assert_eq!(net.status(last), Status::Up);
    }
    // It is still the same process, nobody has died, and nobody is looked for in vain.
    assert_eq!(net.view(3).me.uid, before.me.uid);
    for event in events(&before, &net.view(3)) {
        assert!(
            matches!(event, Event::MemberUp(_) | Event::LeaderChanged(_)),
            "{event:?}"
        );
    }
}

#[test]
fn who_stays_behind_when_another_switches_sees_it_leave() {
    let mut net = Net::cluster(3);
    net.start(settings(9));
    net.act(9, |node, now| node.found(formation(2), now))
        .unwrap();
    net.act(3, |node, now| node.switch(formation(2), &[address(9)], now))
        .unwrap();
    net.run_until(2 * SECOND, |net| net.sees(1, 3).is_none());
    assert_eq!(net.view(1).gone[&address(3)], Removal::Left);
    net.run_until(2 * SECOND, |net| net.view(3).members.len() == 2);
    assert_eq!(net.view(3).formation, Some(formation(2)));
}

/// Nobody there answers by datagram: it is cut off, is in no such cluster, or has another clock.
#[test]
fn who_would_go_over_to_a_cluster_that_does_not_answer_stays_a_member() {
    for prepare in [
        (|net: &mut Net| {
            net.cut_off.insert(address(9));
        }) as fn(&mut Net),
        |net| {
            net.kill(9);
        },
        |net| {
            net.kill(9);
            net.start(settings(9));
        },
    ] {
        let mut net = Net::cluster(3);
        net.start(settings(9));
        net.act(9, |node, now| node.found(formation(2), now))
            .unwrap();
        prepare(&mut net);
        let before = net.view(1);
        for _ in 0..10 {
            net.act(3, |node, now| node.switch(formation(2), &[address(9)], now))
                .unwrap();
            net.run(6 * SECOND);
            assert_eq!(net.view(3).formation, Some(formation(1)));
            assert_eq!(net.status(3), Status::Up);
        }
        assert_eq!(events(&before, &net.view(1)), []);
        // Nothing is asked any more, and the cluster is as well as before.
        net.cut_off.clear();
        net.run(6 * SECOND);
        assert!(
            [1, 2, 3]
                .iter()
                .all(|last| net.view(*last).up().count() == 3)
        );
        assert_eq!(net.view(3).formation, Some(formation(1)));
    }
}

#[test]
fn an_answer_that_was_meant_for_another_moves_nobody() {
    let mut net = Net::cluster(3);
    net.start(settings(9));
    net.act(9, |node, now| node.found(formation(2), now))
        .unwrap();
    net.overheard = Some(Vec::new());
    net.act(3, |node, now| node.switch(formation(2), &[address(9)], now))
        .unwrap();
    net.run_until(2 * SECOND, |net| {
        net.view(3).formation == Some(formation(2))
    });
    let overheard = net.overheard.take().unwrap();
    // Asks as well, and gets no answer of its own.
    net.cut_off.insert(address(2));
    net.act(2, |node, now| node.switch(formation(2), &[address(9)], now))
        .unwrap();
    for (_, datagram) in overheard.iter().filter(|(to, _)| *to == address(3)) {
        let _rejected = net.act(2, |node, now| node.received(datagram, now));
    }
    assert_eq!(net.view(2).formation, Some(formation(1)));
}

#[test]
fn members_with_no_news_wake_to_probe_and_for_little_else() {
    let mut net = Net::cluster(3);
    net.run(Duration::from_secs(60));
    net.wakeups = 0;
    net.run(Duration::from_secs(30));
    // Each period has its beginning, and the moment by which an answer must have come.
    // Besides, it announces itself every ten seconds and looks for missing peers every two.
    let probes = 30_000 / Timing::lan().probe_period.as_millis();
    let at_most = 3 * (2 * usize::try_from(probes).unwrap() + 20);
    assert!(net.wakeups <= at_most, "{} > {at_most}", net.wakeups);
}

#[test]
fn addresses_that_people_have_made_up_delay_nobody_who_comes_back() {
    let mut net = Net::cluster(3);
    net.cut_off.insert(address(3));
    net.run_until(20 * SECOND, |net| net.view(1).members.len() == 2);
    for number in 1..=1000 {
        let made_up = SocketAddr::from(([10, 9, 0, 1], number));
        for last in [1, 2] {
            let asked = net.act(last, |node, now| node.invite(made_up, now));
            assert_eq!(asked.is_ok(), number <= 16, "{number}: {asked:?}");
        }
    }
    net.run(30 * SECOND);
    net.cut_off.clear();
    net.run_until(3 * SECOND, |net| {
        [1, 2, 3]
            .into_iter()
            .all(|last| net.view(last).up().count() == 3)
    });
}

#[test]
fn a_node_that_people_name_is_asked_in_once_it_is_there() {
    let mut net = Net::cluster(2);
    net.start(settings(3));
    let asked = net.act(3, |node, now| node.invite(address(1), now));
    assert_eq!(asked, Err(Refused::NotMember));
    // Nobody has told it how to come in.
    net.act(3, |node, now| node.join(formation(1), &[address(3)], now))
        .unwrap();
    net.act(1, |node, now| node.invite(address(3), now))
        .unwrap();
    net.run_until(SECOND, |net| net.view(1).members.len() == 3);
}
