//! A member outlives thousands of others: what it keeps of those that are gone stays small.

use std::time::Duration;

use simulation::membership::{Options, Simulation, node};

const SECOND: Duration = Duration::from_secs(1);

/// The size of the cluster.
const SIZE: u16 = 5;

/// How large the state is that a member hands out: it has everyone in it, the dead as well.
fn state_of(cluster: &mut Simulation, number: u16) -> usize {
    cluster.with(node(number), |gossip, now| gossip.state(now).unwrap().len())
}

/// Replaces members that die without a word, one every few seconds, and says how large the state of the
/// first one became after each.
fn sizes_while_replacing(
    cluster: &mut Simulation,
    times: u16,
    pause: Duration,
    address: impl Fn(u16) -> u16,
) -> Vec<usize> {
    (0..times)
        .map(|time| {
            let gone = node(address(time));
            cluster.kill(gone);
            cluster.start_node(node(address(time + SIZE - 1)), Some(node(1)));
            cluster.run_for(pause);
            state_of(cluster, 1)
        })
        .collect()
}

#[test]
fn what_is_kept_of_members_at_new_addresses_has_an_end() {
    let mut cluster = Simulation::cluster(SIZE, Options::default());
    cluster.run_for(SECOND);
    // As tasks get them. Each is gone for longer than a member may take to be removed.
    let sizes = sizes_while_replacing(&mut cluster, 450, 4 * SECOND, |time| 2 + time);
    let after = |times: usize| sizes[times - 1];
    assert!(
        3 * after(50) < after(250),
        "the dead are remembered at first"
    );
    let most = after(300) + after(300) / 10;
    assert!(after(450) <= most, "{} and {}", after(300), after(450));
    assert!(
        cluster
            .run_until(20 * SECOND, |cluster| cluster.agree(SIZE.into()))
            .is_some()
    );
}

#[test]
fn of_members_at_the_same_addresses_nothing_more_is_kept() {
    let mut cluster = Simulation::cluster(SIZE, Options::default());
    cluster.run_for(SECOND);
    let sizes = sizes_while_replacing(&mut cluster, 200, 15 * SECOND, |time| 2 + time % 7);
    let most = sizes[19] + sizes[19] / 10;
    assert!(sizes[199] <= most, "{} and {}", sizes[19], sizes[199]);
    assert!(
        cluster
            .run_until(20 * SECOND, |cluster| cluster.agree(SIZE.into()))
            .is_some()
    );
}
