//! 56 lives, in parts that run side by side, and the bugs that they find.

use super::*;

/// Seeds that each part takes.
const PART: u64 = 7;

#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "what was injected is part of the result"
)]
fn all_invariants_hold(part: u64) {
    let mut injected = Injected::default();
    for seed in part * PART..(part + 1) * PART {
        let outcome = run(seed, Mutation::None);
        assert_eq!(outcome.broken, None, "{outcome}");
        injected += outcome.injected;
    }
    println!("{PART} seeds, all invariants hold; {injected}");
}

macro_rules! parts {
    ($($name:ident = $part:literal),*) => {$(
        #[test]
        fn $name() {
            all_invariants_hold($part);
        }
    )*};
}

parts!(
    whole_nodes_are_one_cluster_whatever_happens_part_0 = 0,
    whole_nodes_are_one_cluster_whatever_happens_part_1 = 1,
    whole_nodes_are_one_cluster_whatever_happens_part_2 = 2,
    whole_nodes_are_one_cluster_whatever_happens_part_3 = 3,
    whole_nodes_are_one_cluster_whatever_happens_part_4 = 4,
    whole_nodes_are_one_cluster_whatever_happens_part_5 = 5,
    whole_nodes_are_one_cluster_whatever_happens_part_6 = 6,
    whole_nodes_are_one_cluster_whatever_happens_part_7 = 7
);

/// Some of the first seeds find the bug, by this invariant.
#[track_caller]
fn is_found(mutation: Mutation, by: &str) {
    let found = (0..20).any(|seed| {
        run(seed, mutation)
            .broken
            .is_some_and(|(_, broken)| broken.invariant == by)
    });
    assert!(found, "{mutation:?} breaks {by} in no seed");
}

#[test]
fn a_generation_that_is_not_raised_on_restart_is_found() {
    is_found(
        Mutation::GenerationNotRaised,
        "invariant_no_former_process_is_listed",
    );
}

#[test]
fn a_member_that_never_looks_for_those_it_has_lost_is_found() {
    is_found(
        Mutation::WritesToMembersOnly,
        "invariant_everyone_lists_exactly_the_running",
    );
}

#[test]
fn a_quorum_too_small_is_found() {
    is_found(Mutation::QuorumTooSmall, "invariant_one_cluster_ever");
}

#[test]
fn a_stranger_is_believed_where_nothing_is_sealed() {
    is_found(
        Mutation::Unsealed,
        "invariant_nobody_is_in_a_strangers_cluster",
    );
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many clusters there were is part of the result"
)]
fn beyond_the_guarantee_a_second_cluster_ends_in_the_older() {
    let mut two = 0;
    for seed in 0..8 {
        let outcome = run_beyond(seed);
        assert_eq!(outcome.broken, None, "{outcome}");
        two += u64::from(outcome.clusters == 2);
    }
    println!("8 seeds, {two} with two clusters that became the older");
    assert!(0 < two, "no seed forms two clusters");
}

#[test]
fn a_seed_repeats_its_run() {
    for seed in 0..2 {
        assert_eq!(run(seed, Mutation::None), run(seed, Mutation::None));
    }
}

/// A node that dies while another comes back under a new generation, right after a split has healed: rare, and found by
/// thousands of seeds.
#[test]
fn seeds_that_broke_an_invariant_once_do_so_no_more() {
    for seed in [1_972, 2_069, 11_322] {
        let run = run(seed, Mutation::None);
        assert_eq!(run.broken, None, "{run}");
    }
}
