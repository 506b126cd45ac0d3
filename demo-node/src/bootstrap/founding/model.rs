//! Every run of a small formation, searched: three processes vote, two of them propose.
//!
//! Messages may be lost (a step that is never taken), repeated (a message stays in the network
//! after it was delivered) and reordered (any message may be next). One process may crash at any
//! moment. The mutations at the end show that the search finds what it is there to find.
//!
//! As in a node, a process is its own acceptor without a network between. A message that can change
//! nothing any more is taken out of the network: that leaves out no behaviour, and most of the states.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::*;

const PROCESSES: usize = 3;
const PROPOSERS: usize = 2;

const AT_MOST_ONE: &str = "at most one id is ever decided";

/// A formation among three.
#[derive(Debug, Clone)]
struct Formations {
    participants: usize,
    rounds: u64,
    mutation: Mutation,
}

/// A fault planted on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    None,
    /// An acceptor forgets what it promised.
    PromiseForgotten,
    /// A proposer passes over what was accepted before.
    AcceptedIgnored,
    /// A process comes back under its old name without its memory.
    MemoryLost,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Run {
    acceptors: Vec<Acceptor>,
    proposers: Vec<Option<Proposer>>,
    rounds: Vec<u64>,
    network: BTreeSet<Message>,
    crashed: Option<usize>,
    decided: BTreeSet<ClusterId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Message {
    Request {
        from: usize,
        to: usize,
        request: Request,
    },
    Reply {
        from: usize,
        to: usize,
        reply: Reply,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Propose(usize),
    Deliver(Message),
    Crash(usize),
}

fn uid(process: usize) -> NodeUid {
    NodeUid(process as u64)
}

fn own(process: usize) -> ClusterId {
    ClusterId(process as u128)
}

/// What each says of itself: nothing that matters here.
const VOTER: Voter = Voter {
    expected: None,
    clock: 0,
};

impl Formations {
    fn of_three() -> Self {
        Self {
            participants: 3,
            rounds: 2,
            mutation: Mutation::None,
        }
    }

    fn propose(&self, run: &mut Run, process: usize) {
        run.rounds[process] += 1;
        let ballot = Ballot {
            round: run.rounds[process],
            proposer: uid(process),
        };
        let (proposer, request) = Proposer::start(ballot, self.participants, own(process));
        run.proposers[process] = Some(proposer);
        self.broadcast(run, process, request);
    }

    fn deliver(&self, run: &mut Run, message: Message) {
        match message {
            Message::Request { from, to, request } => {
                let reply = self.answer(run, to, request);
                run.network.insert(Message::Reply {
                    from: to,
                    to: from,
                    reply,
                });
            }
            Message::Reply { from, to, reply } => self.observe(run, from, to, reply),
        }
        let proposers = &run.proposers;
        run.network.retain(|message| match message {
            Message::Request { .. } => true,
            Message::Reply { to, reply, .. } => proposers[*to]
                .as_ref()
                .is_some_and(|proposer| proposer.awaits(reply)),
        });
    }

    fn answer(&self, run: &mut Run, process: usize, request: Request) -> Reply {
        let mut reply = run.acceptors[process].answer(request, VOTER);
        match self.mutation {
            Mutation::PromiseForgotten => run.acceptors[process].promised = None,
            Mutation::AcceptedIgnored => {
                if let Reply::Promised { accepted, .. } = &mut reply {
                    *accepted = None;
                }
            }
            Mutation::None | Mutation::MemoryLost => {}
        }
        reply
    }

    fn observe(&self, run: &mut Run, from: usize, process: usize, reply: Reply) {
        let Some(proposer) = &mut run.proposers[process] else {
            return;
        };
        match proposer.observe(uid(from), reply) {
            Step::Wait => {}
            Step::Send(request) => self.broadcast(run, process, request),
            Step::Overruled(ballot) => {
                run.rounds[process] = run.rounds[process].max(ballot.round);
                run.proposers[process] = None;
            }
            Step::Chosen(formation) => {
                run.decided.insert(formation.id);
                run.proposers[process] = None;
                let seed = SocketAddr::from(([10, 0, 0, 1], 7355));
                run.acceptors[process].learn(Decided { formation, seed });
            }
            Step::Known(decided) => {
                run.proposers[process] = None;
                run.acceptors[process].learn(decided);
            }
        }
    }

    fn broadcast(&self, run: &mut Run, from: usize, request: Request) {
        for to in (0..PROCESSES).filter(|to| *to != from && run.crashed != Some(*to)) {
            run.network.insert(Message::Request { from, to, request });
        }
        let reply = self.answer(run, from, request);
        self.observe(run, from, from, reply);
    }

    fn crash(&self, run: &mut Run, process: usize) {
        run.acceptors[process] = Acceptor::default();
        run.proposers[process] = None;
        if self.mutation == Mutation::MemoryLost {
            return;
        }
        run.crashed = Some(process);
        run.network.retain(|message| match message {
            Message::Request { to, .. } | Message::Reply { to, .. } => *to != process,
        });
    }

    /// Whether the processes that live decide once every message arrives, and nobody interferes.
    fn can_decide(&self, run: &Run) -> bool {
        let mut run = run.clone();
        let Some(process) = (0..PROPOSERS).find(|process| run.crashed != Some(*process)) else {
            return false;
        };
        run.network.clear();
        // Overruled by each of the two at most once: then it knows the highest round.
        for _ in 0..3 {
            self.propose(&mut run, process);
            while let Some(message) = run.network.pop_first() {
                self.deliver(&mut run, message);
            }
            if !run.decided.is_empty() {
                return true;
            }
        }
        false
    }
}

impl Model for Formations {
    type State = Run;
    type Action = Action;

    fn init_states(&self) -> Vec<Run> {
        vec![Run {
            acceptors: vec![Acceptor::default(); PROCESSES],
            proposers: vec![None; PROCESSES],
            rounds: vec![0; PROCESSES],
            network: BTreeSet::new(),
            crashed: None,
            decided: BTreeSet::new(),
        }]
    }

    fn actions(&self, run: &Run, actions: &mut Vec<Action>) {
        actions.extend(run.network.iter().copied().map(Action::Deliver));
        for process in 0..PROPOSERS {
            if run.crashed != Some(process) && run.rounds[process] < self.rounds {
                actions.push(Action::Propose(process));
            }
        }
        if run.crashed.is_none() {
            actions.extend((0..PROCESSES).map(Action::Crash));
        }
    }

    fn next_state(&self, last: &Run, action: Action) -> Option<Run> {
        let mut run = last.clone();
        match action {
            Action::Propose(process) => self.propose(&mut run, process),
            Action::Deliver(message) => self.deliver(&mut run, message),
            Action::Crash(process) => self.crash(&mut run, process),
        }
        (run != *last).then_some(run)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AT_MOST_ONE, |_: &Self, run: &Run| run.decided.len() <= 1),
            Property::always("one can be decided once messages flow", Self::can_decide),
            Property::sometimes("one is decided", |_: &Self, run: &Run| {
                !run.decided.is_empty()
            }),
        ]
    }
}

impl Proposer {
    fn awaits(&self, reply: &Reply) -> bool {
        match reply {
            Reply::Known(_) => self.progress != Progress::Over,
            Reply::Refused { ballot, .. } => {
                *ballot == self.ballot && self.progress != Progress::Over
            }
            Reply::Promised { ballot, .. } => {
                *ballot == self.ballot && matches!(self.progress, Progress::Preparing { .. })
            }
            Reply::Accepted { ballot, .. } => {
                *ballot == self.ballot && matches!(self.progress, Progress::Accepting { .. })
            }
        }
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how much was searched is part of the result"
)]
fn at_most_one_id_is_decided_and_one_always_can_be() {
    let checker = Formations::of_three()
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
fn a_quorum_one_too_small_is_caught() {
    is_caught(Formations {
        participants: 1,
        ..Formations::of_three()
    });
}

#[test]
fn a_forgotten_promise_is_caught() {
    is_caught(Formations {
        mutation: Mutation::PromiseForgotten,
        ..Formations::of_three()
    });
}

#[test]
fn an_accepted_id_that_is_ignored_is_caught() {
    is_caught(Formations {
        mutation: Mutation::AcceptedIgnored,
        ..Formations::of_three()
    });
}

#[test]
fn a_process_that_comes_back_without_its_memory_is_caught() {
    is_caught(Formations {
        mutation: Mutation::MemoryLost,
        ..Formations::of_three()
    });
}
