//! Who was cut off comes back without a word against those who were well all the while.
//!
//! Whoever acts on events hands over work at each of them, so an event about a healthy node is not
//! made good by another one that takes it back.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    ops::{Range, RangeInclusive},
    time::Duration,
};

use demo_node::membership::Event;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use simulation::membership::{Options, Simulation, node};

const SECOND: Duration = Duration::from_secs(1);

/// A split that heals: who is cut off, and for how long.
#[derive(Debug)]
struct Split {
    size: u16,
    cut_off: BTreeSet<SocketAddr>,
    lasts: Duration,
}

/// Of any shape: one cut off, or several, up to half and more.
fn any_split(seed: u64, sizes: RangeInclusive<u16>) -> Split {
    let mut rng = StdRng::seed_from_u64(seed);
    let size = rng.random_range(sizes);
    let all: Vec<SocketAddr> = (1..=size).map(node).collect();
    let count = rng.random_range(1..usize::from(size));
    Split {
        size,
        cut_off: all.sample(&mut rng, count).copied().collect(),
        lasts: Duration::from_millis(rng.random_range(5_000..30_000)),
    }
}

/// What a node on one side was told about others on its own side since the split was healed.
fn about_its_own_side(cluster: &Simulation, split: &Split, healed_at: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    for observer in (1..=split.size).map(node) {
        let beside =
            |other: &SocketAddr| split.cut_off.contains(other) == split.cut_off.contains(&observer);
        let log = cluster.log(observer).iter();
        for (at, event) in log.filter(|(at, _)| healed_at <= *at) {
            let about = match event {
                Event::MemberRemoved { member, .. }
                | Event::UnreachableMember(member)
                | Event::ReachableMember(member)
                | Event::MemberUp(member)
                | Event::MemberJoined(member)
                | Event::MemberLeft(member) => member.gossip,
                Event::LeaderChanged(_) => continue,
            };
            if beside(&about) {
                wrong.push(format!("{observer} at {:?}: {event:?}", *at - healed_at));
            }
        }
        // Members come back one after the other, and each may lead until a lower one does.
        let leaders: Vec<_> = cluster
            .log(observer)
            .iter()
            .filter(|(at, _)| healed_at <= *at)
            .filter_map(|(_, event)| match event {
                Event::LeaderChanged(leader) => Some(*leader),
                _ => None,
            })
            .collect();
        if !leaders.is_sorted_by(|former, next| next.is_some() && next < former) {
            wrong.push(format!("{observer}: led by {leaders:?} in turn"));
        }
    }
    wrong
}

/// What was wrong; nothing, as a rule.
fn come_back(seed: u64, split: &Split) -> Vec<String> {
    let options = Options {
        seed,
        ..Options::default()
    };
    let mut cluster = Simulation::cluster(split.size, options);
    cluster.run_for(SECOND);
    cluster.partition(split.cut_off.clone());
    cluster.run_for(split.lasts);
    cluster.heal();
    let healed_at = cluster.elapsed();
    let whole = cluster.run_until(20 * SECOND, |cluster| cluster.agree(split.size.into()));
    if whole.is_none() {
        return vec!["it does not become one cluster again".to_owned()];
    }
    cluster.run_for(10 * SECOND);
    about_its_own_side(&cluster, split, healed_at)
}

/// Tries as many splits as there are seeds, and says what was wrong with the first few.
#[track_caller]
fn come_back_well(seeds: Range<u64>, sizes: &RangeInclusive<u16>) {
    let tried = seeds.clone().count();
    let wrong: Vec<_> = seeds
        .map(|seed| (seed, any_split(seed, sizes.clone())))
        .map(|(seed, split)| (seed, come_back(seed, &split), split))
        .filter(|(_, wrong, _)| !wrong.is_empty())
        .collect();
    let (count, some) = (wrong.len(), wrong.iter().take(3).collect::<Vec<_>>());
    assert!(count == 0, "{count} of {tried} seeds, such as: {some:#?}");
}

#[test]
fn nobody_hears_a_word_against_who_was_well() {
    come_back_well(0..60, &(3..=9));
}

#[test]
fn nobody_hears_a_word_against_who_was_well_in_a_larger_cluster() {
    come_back_well(0..2, &(30..=50));
}
