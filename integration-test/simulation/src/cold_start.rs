//! Many nodes that start together, in virtual time: what it costs AWS and the network, and how long it takes.
//!
//! Every node runs the bootstrap's real coordinator. Like ECS, AWS grants a burst of calls and then a fixed rate, and
//! returns lists page by page. A lookup consists of the calls that `discovery` makes (see its README: "What a lookup
//! costs"). The membership is a model: a node that asks a member is admitted, and all members know it within a
//! second.

mod aws;
mod figures;
mod lookup;
mod world;

pub use figures::{Cost, Figures, Met, Options};

/// Starts the nodes and runs them until they are one cluster, or for half an hour.
#[must_use]
pub fn run(options: &Options) -> (Figures, Cost) {
    world::World::new(options).run()
}

/// Runs a cluster of this many nodes for ten minutes, then shows it an older one of `older` nodes. `None` if they are
/// not one cluster five minutes later.
#[must_use]
pub fn meet(options: &Options, older: usize) -> Option<Met> {
    world::World::new(options).meet(older)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cold_start(nodes: usize, per_second: Option<u32>, round_trip: u64) -> Figures {
        let options = Options {
            nodes,
            per_second,
            never_ready: 0,
            round_trip: Duration::from_millis(round_trip),
            seed: 1,
        };
        let (figures, _) = run(&options);
        assert_eq!(
            (figures.members, figures.clusters),
            (nodes, 1),
            "{figures:?}"
        );
        assert!(figures.granted_calls_per_node <= 3.0, "{figures:?}");
        figures
    }

    #[test]
    fn five_nodes_are_a_cluster_at_once() {
        let figures = cold_start(5, Some(1_000_000), 20);
        assert!(figures.seconds.unwrap() <= 0.2, "{figures:?}");
    }

    #[test]
    fn hundreds_of_nodes_are_one_cluster_within_what_ecs_grants() {
        let figures = cold_start(300, None, 40);
        assert!(figures.seconds.unwrap() <= 60.0, "{figures:?}");
        assert!(figures.attempted_calls_per_node <= 6.0, "{figures:?}");
        assert!(figures.peak_probes_per_node_second <= 8.0, "{figures:?}");
    }

    /// Each of their pages has some.
    #[test]
    fn tasks_that_never_get_an_address_hold_nobody_up() {
        let options = Options {
            nodes: 300,
            per_second: None,
            never_ready: 40,
            round_trip: Duration::from_millis(40),
            seed: 1,
        };
        let (figures, _) = run(&options);
        assert_eq!((figures.members, figures.clusters), (300, 1), "{figures:?}");
        assert!(figures.seconds.unwrap() <= 60.0, "{figures:?}");
    }

    #[test]
    fn a_service_that_grows_takes_each_new_node_in_at_once() {
        let figures = cold_start(300, Some(10), 40);
        assert!(
            figures.median_seconds_to_member.unwrap() <= 2.0,
            "{figures:?}"
        );
        assert!(
            figures.p99_seconds_to_member.unwrap() <= 10.0,
            "{figures:?}"
        );
    }

    #[test]
    fn another_cluster_is_noticed_and_left_for_whatever_the_size() {
        for nodes in [3, 30, 300] {
            let options = Options {
                nodes,
                per_second: None,
                never_ready: 0,
                round_trip: Duration::from_millis(40),
                seed: 1,
            };
            let met = meet(&options, 3).unwrap();
            assert!(met.left_for <= Duration::from_secs(30), "{nodes}: {met:?}");
        }
    }
}
