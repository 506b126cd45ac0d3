//! Held against many seeds in virtual time: the protocol, without tasks and sockets.
//!
//! Each promise is for clusters of up to fifty nodes. Those get one seed, being dear.

use std::{net::SocketAddr, time::Duration};

use demo_node::{
    cluster::NodeUid,
    membership::{Event, Gossip, Removal, Status},
    seal::Keyring,
};
use simulation::membership::{Options, Simulation, node};

const SECOND: Duration = Duration::from_secs(1);

/// Runs a scenario for clusters of several sizes, each with several seeds.
fn for_each(scenario: impl Fn(u16, &Options)) {
    for (size, seeds) in [(2, 4), (3, 6), (5, 4), (10, 1)] {
        for seed in 1..=seeds {
            let options = Options {
                seed,
                ..Options::default()
            };
            scenario(size, &options);
        }
    }
}

/// The same for a cluster of fifty.
fn for_fifty(scenario: impl Fn(u16, &Options)) {
    scenario(50, &Options::default());
}

/// Lets time pass until something holds, or says for whom it did not.
#[track_caller]
fn within(
    limit: Duration,
    cluster: &mut Simulation,
    what: &str,
    holds: impl FnMut(&mut Simulation) -> bool,
) -> Duration {
    cluster.run_until(limit, holds).unwrap_or_else(|| {
        panic!(
            "{what}: not within {limit:?}, with {} nodes, seed {}",
            cluster.running().len(),
            cluster.seed()
        )
    })
}

/// Some node other than the first, by the seed.
fn some_node(cluster: &Simulation, size: u16) -> SocketAddr {
    let seed = u16::try_from(cluster.seed()).unwrap();
    node(2 + seed % (size - 1))
}

#[test]
fn nodes_that_start_together_become_one_cluster() {
    for_each(start_together);
}

#[test]
fn fifty_nodes_that_start_together_become_one_cluster() {
    for_fifty(start_together);
}

fn start_together(size: u16, options: &Options) {
    let mut cluster = Simulation::new(options.clone());
    cluster.start_all(size);
    within(3 * SECOND, &mut cluster, "all see all", |cluster| {
        cluster.agree(size.into())
    });
}

#[test]
fn a_killed_node_is_unreachable_within_3_s_and_removed_within_10_s() {
    for_each(kill);
}

#[test]
fn one_killed_of_fifty_is_unreachable_within_3_s_and_removed_within_10_s() {
    for_fifty(kill);
}

fn kill(size: u16, options: &Options) {
    let mut cluster = Simulation::cluster(size, options.clone());
    let victim = some_node(&cluster, size);
    cluster.run_for(Duration::from_millis(137 * cluster.seed()));
    cluster.kill(victim);
    let noticed = within(3 * SECOND, &mut cluster, "unreachable", |cluster| {
        cluster
            .views()
            .all(|view| !view.members.get(&victim).is_some_and(|m| m.reachable))
    });
    let rest = 10 * SECOND - noticed;
    within(rest, &mut cluster, "removed", |cluster| {
        cluster.agree(usize::from(size) - 1)
    });
    let removed = cluster.log(node(1)).iter().any(|(_, event)| {
            matches!(event, Event::MemberRemoved { member, removal: Removal::Downed } if member.gossip == victim)
        });
    assert!(removed);
}

#[test]
fn a_node_that_leaves_is_gone_within_2_s() {
    for_each(leave);
}

#[test]
fn one_of_fifty_that_leaves_is_gone_within_2_s() {
    for_fifty(leave);
}

fn leave(size: u16, options: &Options) {
    let mut cluster = Simulation::cluster(size, options.clone());
    let leaver = some_node(&cluster, size);
    cluster.with(leaver, Gossip::leave);
    within(2 * SECOND, &mut cluster, "gone", |cluster| {
        cluster.view(leaver).me.status == Status::Removed
            && cluster
                .views()
                .all(|view| !view.members.contains_key(&leaver))
    });
    cluster.kill(leaver);
    cluster.run_for(10 * SECOND);
    for running in cluster.running() {
        for (_, event) in cluster.log(running) {
            let bad = match event {
                Event::MemberRemoved { removal, .. } => *removal != Removal::Left,
                Event::UnreachableMember(_) => true,
                Event::MemberJoined(_)
                | Event::MemberUp(_)
                | Event::MemberLeft(_)
                | Event::ReachableMember(_)
                | Event::LeaderChanged(_) => false,
            };
            assert!(!bad, "{running} saw {event:?}");
        }
    }
}

#[test]
fn a_restarted_node_replaces_its_former_self() {
    for_each(restart);
}

#[test]
fn one_restarted_of_fifty_replaces_its_former_self() {
    for_fifty(restart);
}

fn restart(size: u16, options: &Options) {
    for clock_set_back in [0, 3_600_000] {
        let mut cluster = Simulation::cluster(size, options.clone());
        let victim = some_node(&cluster, size);
        let former = cluster.view(victim).me.uid;
        cluster.kill(victim);
        cluster.run_for(SECOND / 2);
        cluster.start_node_with_clock(victim, Some(node(1)), clock_set_back);
        within(5 * SECOND, &mut cluster, "replaced", |cluster| {
            cluster.agree(size.into())
                && cluster
                    .views()
                    .all(|view| view.members[&victim].uid != former)
        });
    }
}

#[test]
fn a_healed_partition_merges_within_10_s() {
    for_each(split_and_heal);
}

#[test]
fn a_healed_partition_of_twenty_merges_within_10_s() {
    split_and_heal(20, &Options::default());
}

fn split_and_heal(size: u16, options: &Options) {
    let mut cluster = Simulation::cluster(size, options.clone());
    let cut_off: Vec<SocketAddr> = (1..=size / 2).map(node).collect();
    cluster.partition(cut_off);
    within(30 * SECOND, &mut cluster, "apart", |cluster| {
        let half = usize::from(size.div_ceil(2));
        cluster.views().all(|view| view.members.len() <= half)
    });
    cluster.run_for(5 * SECOND);
    cluster.heal();
    within(10 * SECOND, &mut cluster, "merged", |cluster| {
        cluster.agree(size.into())
    });
}

#[test]
fn a_node_cut_off_for_a_moment_is_never_removed() {
    for_each(|size, options| {
        let mut cluster = Simulation::cluster(size, options.clone());
        let cut_off = some_node(&cluster, size);
        for _ in 0..2 {
            cluster.partition([cut_off]);
            cluster.run_for(SECOND);
            cluster.heal();
            // Past the end of any suspicion.
            cluster.run_for(6 * SECOND);
        }
        assert!(cluster.agree(size.into()));
        for running in cluster.running() {
            for (_, event) in cluster.log(running) {
                assert!(!matches!(event, Event::MemberRemoved { .. }), "{event:?}");
            }
            let me = &cluster.view(running).me;
            assert_eq!(me.generation, me.started_at);
        }
    });
}

#[test]
fn a_node_that_is_held_up_for_a_moment_is_not_removed_and_removes_nobody() {
    for_each(|size, options| {
        let mut cluster = Simulation::cluster(size, options.clone());
        let slow = some_node(&cluster, size);
        for _ in 0..2 {
            cluster.hold_up(slow, 2 * SECOND);
            cluster.run_for(8 * SECOND);
        }
        assert!(cluster.agree(size.into()));
        for running in cluster.running() {
            for (_, event) in cluster.log(running) {
                assert!(!matches!(event, Event::MemberRemoved { .. }), "{event:?}");
            }
        }
    });
}

#[test]
fn one_lost_datagram_in_ten_costs_no_member() {
    for seed in 1..=2 {
        let options = Options {
            seed,
            ..Options::default()
        };
        let mut cluster = Simulation::cluster(10, options);
        cluster.lose(0.1);
        cluster.run_for(60 * SECOND);
        cluster.lose(0.0);
        cluster.run_for(5 * SECOND);
        assert!(cluster.agree(10));
        for running in cluster.running() {
            for (_, event) in cluster.log(running) {
                assert!(!matches!(event, Event::MemberRemoved { .. }), "{event:?}");
            }
        }
    }
}

#[test]
fn every_node_can_be_replaced_one_by_one() {
    let mut cluster = Simulation::cluster(5, Options::default());
    for old in 1..=5 {
        let new = old + 5;
        cluster.start_node(node(new), Some(node(old)));
        within(3 * SECOND, &mut cluster, "joined", |cluster| {
            cluster.agree(6)
        });
        cluster.with(node(old), Gossip::leave);
        within(3 * SECOND, &mut cluster, "left", |cluster| {
            cluster.view(node(old)).me.status == Status::Removed
        });
        cluster.kill(node(old));
        within(3 * SECOND, &mut cluster, "gone", |cluster| cluster.agree(5));
    }
    assert_eq!(cluster.running(), (6..=10).map(node).collect());
    let formation = cluster.formation();
    assert_eq!(cluster.view(node(6)).formation, Some(formation));
}

#[test]
fn secrets_change_by_restarts_without_losing_a_member() {
    const OLD: &str = "the secret of yesterday, in 32 chars";
    const NEW: &str = "the secret of tomorrow, in 32 chars";
    let rings = [&[OLD][..], &[OLD, NEW], &[NEW, OLD], &[NEW]]
        .map(|secrets| Keyring::from_secrets(secrets).unwrap());
    let options = Options {
        keyring: rings[0].clone(),
        ..Options::default()
    };
    let mut cluster = Simulation::cluster(4, options);
    for ring in &rings[1..] {
        cluster.use_keyring(ring.clone());
        for number in 1..=4 {
            cluster.with(node(number), Gossip::leave);
            cluster.run_for(SECOND);
            cluster.kill(node(number));
            cluster.start_node(node(number), Some(node(1 + number % 4)));
            within(3 * SECOND, &mut cluster, "back in", |cluster| {
                cluster.agree(4)
            });
        }
    }
    for running in cluster.running() {
        assert!(NodeUid(12) < cluster.view(running).me.uid);
        let rejected = &cluster.traffic(running).rejected;
        assert!(rejected.is_empty(), "{rejected:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_last_byte() {
    let run = |seed| {
        let options = Options {
            seed,
            loss: 0.05,
            ..Options::default()
        };
        let mut cluster = Simulation::new(options);
        cluster.start_all(8);
        cluster.run_for(10 * SECOND);
        cluster.kill(node(3));
        cluster.partition([node(4), node(5)]);
        cluster.run_for(20 * SECOND);
        cluster.heal();
        cluster.run_for(10 * SECOND);
        let log = format!("{:?}", cluster.log(node(1)));
        (cluster.fingerprint(), log)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
