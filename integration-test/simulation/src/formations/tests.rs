//! 10,000 formations, in parts that run side by side.

use clap::ValueEnum as _;

use super::*;

/// Seeds that each part takes.
const PART: u64 = 1_000;

fn outcomes(
    seeds: std::ops::Range<u64>,
    promise: Promise,
    mutation: Mutation,
) -> impl Iterator<Item = Run> {
    seeds.map(move |seed| run(seed, promise, mutation))
}

#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "what was injected is part of the result"
)]
fn always_one_cluster(part: u64, promise: Promise) {
    let mut injected = Injected::default();
    for outcome in outcomes(part * PART..(part + 1) * PART, promise, Mutation::None) {
        assert!(outcome.is_good(), "{promise:?}: {outcome}");
        injected += outcome.injected;
    }
    println!("{PART} seeds of {promise:?}, one cluster each; {injected}");
}

macro_rules! parts {
    ($promise:expr, $($name:ident = $part:literal),*) => {$(
        #[test]
        fn $name() {
            always_one_cluster($part, $promise);
        }
    )*};
}

parts!(
    Promise::Expected,
    there_is_always_one_cluster_with_expected_nodes_known_part_0 = 0,
    there_is_always_one_cluster_with_expected_nodes_known_part_1 = 1,
    there_is_always_one_cluster_with_expected_nodes_known_part_2 = 2,
    there_is_always_one_cluster_with_expected_nodes_known_part_3 = 3
);

parts!(
    Promise::Unknown,
    there_is_always_one_cluster_with_expected_nodes_unknown_part_0 = 0,
    there_is_always_one_cluster_with_expected_nodes_unknown_part_1 = 1,
    there_is_always_one_cluster_with_expected_nodes_unknown_part_2 = 2,
    there_is_always_one_cluster_with_expected_nodes_unknown_part_3 = 3,
    there_is_always_one_cluster_with_expected_nodes_unknown_part_4 = 4,
    there_is_always_one_cluster_with_expected_nodes_unknown_part_5 = 5
);

#[track_caller]
fn is_caught(promise: Promise, mutation: Mutation) {
    let caught = outcomes(0..4 * PART, promise, mutation).any(|outcome| 1 < outcome.clusters.len());
    assert!(caught, "no seed forms two clusters");
}

#[test]
fn partial_views_that_may_found_are_caught() {
    is_caught(Promise::Unknown, Mutation::PartialMayFound);
}

#[test]
fn nodes_outside_their_own_view_that_may_found_are_caught() {
    is_caught(Promise::Unknown, Mutation::OutsideOwnViewMayFound);
}

#[test]
fn a_quorum_without_regard_to_the_expected_nodes_is_caught() {
    is_caught(Promise::Expected, Mutation::ExpectedNodesIgnored);
}

#[test]
fn a_seed_repeats_its_run() {
    for seed in 0..20 {
        let again = run(seed, Promise::Expected, Mutation::None);
        assert_eq!(run(seed, Promise::Expected, Mutation::None), again);
    }
}

#[test]
fn who_can_be_in_one_cluster_is_whatever_is_wrong_for_good() {
    for adverse in Adverse::value_variants() {
        for seed in 0..PART {
            let run = run_adverse(seed, *adverse);
            assert!(run.is_good(), "{adverse:?}: {run}");
        }
    }
}

/// A blue/green deployment: twice as many nodes as there are to be, and one cluster all the same.
#[test]
fn a_second_fleet_founds_nothing_even_where_it_is_cut_off_while_lists_are_whole() {
    for seed in 0..PART {
        let run = run_fleets(seed, Lists::Whole);
        assert!(run.is_good(), "{run}");
    }
}

/// What ARCHITECTURE.md says lies outside: with the old nodes neither listed nor reached, it is a cold start.
#[test]
fn a_second_fleet_that_neither_sees_nor_reaches_the_first_is_taken_for_the_first() {
    let two = |seed| 1 < run_fleets(seed, Lists::Partial).clusters.len();
    assert!((0..PART).any(two));
}
