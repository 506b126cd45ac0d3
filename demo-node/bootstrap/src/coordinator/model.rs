//! Searches every run of a small formation: a model checker controls the messages and the time of three or four
//! coordinators.
//!
//! A message may be lost (its step is never taken), repeated (it stays in the network after delivery) and overtaken
//! (any message may be next). Each process has its own clock, which may stand still; one process may crash at any
//! moment. What each process knows about the others is old: they once answered that they are in no cluster. Processes
//! that do not know the number of expected nodes are told at any moment, and not all are told the same.
//!
//! A message that can no longer change anything is removed from the network: this removes most of the states, but no
//! behaviour.

mod node;
mod run;

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::{
    node::Node,
    run::{Message, Run},
};
use super::*;
use crate::clock;

const AT_MOST_ONE: &str = "at most one cluster is ever started";

/// A formation among a few.
#[derive(Debug, Clone)]
struct Formations {
    began: Instant,
    /// What each is told to expect at some time.
    numbers: Vec<usize>,
    /// Which are told at once, as bits.
    told: u8,
    /// Which others each has heard, as bits.
    heard: Vec<u8>,
    /// How often time passes for one of the processes.
    waits: usize,
    /// What one of them may do.
    crash: Crash,
}

/// What one of the processes may do once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    Never,
    ForGood,
    /// Restart with its old uid but without its memory: a planted fault.
    AndComeBack,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Wait(usize),
    Tell(usize),
    Deliver(Message),
    Crash(usize),
}

// === impl Formations ===

impl Formations {
    fn of_three() -> Self {
        Self {
            began: clock::now(),
            numbers: vec![3; 3],
            told: 0b111,
            heard: vec![0b111; 3],
            waits: 1,
            crash: Crash::ForGood,
        }
    }

    fn node(&self, number: usize) -> Node {
        let mut node = Node::new(number, self.began, self.numbers[number], self.heard[number]);
        if self.told & (1 << number) != 0 {
            node.tell();
        }
        node
    }
}

impl Model for Formations {
    type State = Run;
    type Action = Action;

    fn init_states(&self) -> Vec<Run> {
        let mut run = Run {
            nodes: (0..self.numbers.len())
                .map(|number| Some(self.node(number)))
                .collect(),
            network: BTreeSet::new(),
            waits: 0,
            crashed: false,
            started: BTreeSet::new(),
        };
        for number in 0..run.nodes.len() {
            run.look(number);
        }
        run.note();
        vec![run]
    }

    fn actions(&self, run: &Run, actions: &mut Vec<Action>) {
        actions.extend(run.network.iter().copied().map(Action::Deliver));
        for (number, node) in run.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            if run.waits < self.waits && node.cluster().is_none() {
                actions.push(Action::Wait(number));
            }
            if node.untold.is_some() {
                actions.push(Action::Tell(number));
            }
            if !run.crashed && self.crash != Crash::Never {
                actions.push(Action::Crash(number));
            }
        }
    }

    fn next_state(&self, last: &Run, action: Action) -> Option<Run> {
        let mut run = last.clone();
        match action {
            Action::Wait(number) => {
                run.waits += 1;
                run.wait(number);
            }
            Action::Tell(number) => run.tell(number),
            Action::Deliver(message) => run.deliver(message),
            Action::Crash(number) => {
                run.crashed = true;
                run.nodes[number] = (self.crash == Crash::AndComeBack).then(|| self.node(number));
                run.look(number);
            }
        }
        run.tidy();
        run.note();
        (run != *last).then_some(run)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AT_MOST_ONE, |_: &Self, run: &Run| run.started.len() <= 1),
            Property::always("whoever lives ends in it", |_: &Self, run: &Run| {
                run.ends_well()
            }),
            Property::sometimes("one is started", |_: &Self, run: &Run| {
                !run.started.is_empty()
            }),
        ]
    }
}

#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "how much was searched is part of the result"
)]
fn holds(model: Formations) {
    let checker = model
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{} states, {} of them distinct",
        checker.state_count(),
        checker.unique_state_count()
    );
    checker.assert_properties();
    assert!(checker.is_done());
}

#[track_caller]
fn is_caught(model: Formations) {
    let checker = model
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_dfs()
        .join();
    assert!(checker.discovery(AT_MOST_ONE).is_some());
}

#[test]
fn at_most_one_cluster_is_started_and_whoever_lives_ends_in_it() {
    holds(Formations::of_three());
}

#[test]
fn so_it_is_where_each_has_heard_another_one_only_and_all_propose() {
    holds(Formations {
        heard: vec![0b011, 0b110, 0b101],
        waits: 2,
        crash: Crash::Never,
        ..Formations::of_three()
    });
}

/// The service is scaled from three to four: two processes propose with the old number, and the others are told
/// later.
#[test]
fn so_it_is_where_those_who_are_told_late_are_told_another_number() {
    holds(Formations {
        numbers: vec![3, 4, 3, 4],
        told: 0b0101,
        heard: vec![0b0111, 0b0010, 0b1100, 0b1000],
        crash: Crash::Never,
        ..Formations::of_three()
    });
}

/// With a quorum of one, each process is a majority alone.
#[test]
fn a_number_that_is_too_low_for_those_who_take_part_is_caught() {
    is_caught(Formations {
        numbers: vec![1; 3],
        heard: vec![0b001, 0b010, 0b100],
        ..Formations::of_three()
    });
}

#[test]
fn a_process_that_comes_back_without_its_memory_is_caught() {
    is_caught(Formations {
        crash: Crash::AndComeBack,
        ..Formations::of_three()
    });
}
