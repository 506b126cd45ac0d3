//! Every run of a small formation, searched: three or four coordinators, whose messages and time a model checker has in
//! hand.
//!
//! A message may be lost (a step that is never taken), repeated (it stays in the network after it was delivered) and
//! overtaken (any message may be next). Each process has a clock of its own, which may stand still; one process may
//! crash at any moment. What each process knows of the others is old: once they answered that they are in no cluster.
//! Those who were not told the number of expected nodes are told at any moment, not all of them the same.
//!
//! A message that can change nothing any more is taken out of the network: that leaves out no behaviour, and most of
//! the states.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use rand::{SeedableRng, rngs::SmallRng};
use stateright::{Checker, HasDiscoveries, Model, Property};

use super::*;
use crate::{bootstrap::clocks::Skew, clock};

/// Long enough that whatever a process waits for is over: its turn, an attempt, being let in.
const LONG: Duration = Duration::from_secs(6);

/// How often each process is woken until all must be in one cluster.
const STEPS: usize = 40;

const AT_MOST_ONE: &str = "at most one cluster is ever started";

/// A formation among a few.
#[derive(Debug, Clone)]
struct Formations {
    began: Instant,
    /// What each is told to expect, sooner or later.
    numbers: Vec<usize>,
    /// Who is told at once, as bits.
    told: u8,
    /// Whom each has heard, as bits.
    heard: Vec<u8>,
    /// How often time passes for one or another process.
    waits: usize,
    /// What one of them may do.
    crash: Crash,
}

/// What one of the processes may do once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    Never,
    ForGood,
    /// And come back under its old name, without its memory: a fault planted on purpose.
    AndComeBack,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Run {
    /// Those that have not crashed.
    nodes: Vec<Option<Node>>,
    network: BTreeSet<Message>,
    waits: usize,
    crashed: bool,
    started: BTreeSet<ClusterId>,
}

/// A coordinator. Two are the same where they print the same: all of it is in its `Debug`.
#[derive(Clone)]
struct Node {
    coordinator: Arc<Coordinator>,
    now: Instant,
    /// Whom it hears, as bits.
    heard: u8,
    /// What it is going to be told to expect.
    untold: Option<usize>,
    /// What it was when it was noted last, and the hash of what that prints.
    noted: Option<(Arc<Coordinator>, u64)>,
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
    /// Asks to be let into this cluster.
    Join {
        from: usize,
        to: usize,
        formation: Formation,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Wait(usize),
    Tell(usize),
    Deliver(Message),
    Crash(usize),
}

fn process(number: usize) -> Process {
    let last = u8::try_from(number).unwrap();
    Process {
        uid: NodeUid(number as u64),
        contact_point: ContactPoint(([10, 0, 0, last], 7626).into()),
        gossip: ([10, 0, 0, last], 7355).into(),
    }
}

fn process_that_gossips_at(seed: std::net::SocketAddr) -> usize {
    (0..usize::from(u8::MAX))
        .find(|number| process(*number).gossip == seed)
        .unwrap()
}

// === impl Node ===

impl Node {
    fn new(number: usize, model: &Formations) -> Self {
        let mut settings = Settings::defaults(process(number));
        settings.expectation = Expectation::Asking;
        // What the others answered once counts for good.
        settings.rules.probing_failure_timeout = Duration::from_hours(1);
        let mut node = Self {
            coordinator: Arc::new(Coordinator::new(settings, model.began)),
            now: model.began,
            heard: model.heard[number],
            untold: Some(model.numbers[number]),
            noted: None,
        };
        if model.told & (1 << number) != 0 {
            node.tell();
        }
        node
    }

    /// It is told how many nodes are expected.
    fn tell(&mut self) -> Vec<Output> {
        let number = self.untold.take();
        number.map_or_else(Vec::new, |number| {
            self.handle(Input::Told(Told::Nodes(number)))
        })
    }

    /// Notes the coordinator as it is now, for comparing.
    fn note(&mut self) {
        let noted = &mut self.noted;
        if noted
            .as_ref()
            .is_none_or(|(of, _)| !Arc::ptr_eq(of, &self.coordinator))
        {
            let mut hasher = DefaultHasher::new();
            format!("{:?}", self.coordinator).hash(&mut hasher);
            *noted = Some((Arc::clone(&self.coordinator), hasher.finish()));
        }
    }

    fn compared(&self) -> (Instant, Option<usize>, Option<u64>) {
        (
            self.now,
            self.untold,
            self.noted.as_ref().map(|(_, printed)| *printed),
        )
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        let coordinator = Arc::make_mut(&mut self.coordinator);
        // Chance may give what it will, but the same in the same state.
        let seed = coordinator.settings.rules.me.uid.0 * 1_000 + coordinator.round;
        let mut rng = SmallRng::seed_from_u64(seed);
        coordinator.handle(self.now, 0, input, &mut rng)
    }

    fn cluster(&self) -> Option<Formation> {
        match &self.coordinator.stage {
            Stage::Watching(watching) => Some(watching.formation),
            _ => None,
        }
    }

    /// Whether this message may still change something.
    fn awaits(&self, message: &Message) -> bool {
        match (message, &self.coordinator.stage) {
            (Message::Reply { reply, .. }, Stage::Founding(founding)) => {
                founding.proposer.awaits(reply)
            }
            (Message::Reply { .. }, _) => false,
            (Message::Request { .. } | Message::Join { .. }, _) => true,
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.compared() == other.compared()
    }
}

impl Eq for Node {}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.compared().hash(state);
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {:?}",
            self.coordinator.phase(),
            self.coordinator.acceptor
        )
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:#?} {:#?} {:?}",
            self.nodes, self.network, self.started
        )
    }
}

// === impl Message ===

impl Message {
    fn to(&self) -> usize {
        match self {
            Self::Request { to, .. } | Self::Reply { to, .. } | Self::Join { to, .. } => *to,
        }
    }
}

// === impl Run ===

impl Run {
    fn handle(&mut self, number: usize, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            // Whose request this is, if it is one: the reply goes there.
            let Some(node) = &mut self.nodes[number] else {
                return;
            };
            for output in node.handle(input) {
                inputs.extend(self.carry_out(number, output));
            }
        }
    }

    /// Does what the process wants done, and gives what it is told at once.
    fn carry_out(&mut self, from: usize, output: Output) -> Option<Input> {
        match output {
            Output::Send(_, to, request) => {
                let to = usize::try_from(to.0).unwrap();
                if self.nodes[to].is_some() {
                    self.network.insert(Message::Request { from, to, request });
                }
            }
            Output::Start(formation) => {
                self.started.insert(formation.id);
                return Some(Input::Standing(member(from, formation)));
            }
            Output::Join(KnownCluster { formation, seeds }) => {
                for to in seeds.into_iter().map(process_that_gossips_at) {
                    if self.nodes[to].is_some() && to != from {
                        self.network.insert(Message::Join {
                            from,
                            to,
                            formation,
                        });
                    }
                }
            }
            // Nothing new comes of these; a reply is carried by whoever delivered the request.
            Output::Lookup(_)
            | Output::AskExpected
            | Output::Probe(_)
            | Output::Reply(_)
            | Output::Alarm { .. } => {}
        }
        None
    }

    fn tell(&mut self, number: usize) {
        let outputs = self.nodes[number].as_mut().map(Node::tell);
        for output in outputs.into_iter().flatten() {
            if let Some(input) = self.carry_out(number, output) {
                self.handle(number, input);
            }
        }
    }

    /// It is told who is listed, and those answer.
    fn look(&mut self, number: usize) {
        let Some(heard) = self.nodes[number].as_ref().map(|node| node.heard) else {
            return;
        };
        let listed: Vec<_> = (0..self.nodes.len())
            .filter(|other| heard & (1 << other) != 0)
            .collect();
        let points = listed.iter().map(|other| process(*other).contact_point);
        self.handle(number, Input::Looked(View::Complete(points.collect())));
        for other in listed.into_iter().filter(|other| *other != number) {
            let answer = self.nodes[other].as_ref().map(|node| answer(other, node));
            let point = process(other).contact_point;
            self.handle(number, Input::Probed(point, answer));
        }
    }

    fn wait(&mut self, number: usize) {
        let mut left = LONG;
        while !left.is_zero() {
            left -= self.step(number, left);
        }
    }

    /// Time passes for this process until something is due, or for so long. Says how long.
    fn step(&mut self, number: usize, most: Duration) -> Duration {
        let Some(node) = &mut self.nodes[number] else {
            return most;
        };
        let due = node.coordinator.next_wakeup(node.now);
        let passed = most.min(due - node.now);
        node.now += passed;
        self.handle(number, Input::Tick);
        passed
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Request { from, to, request } => {
                let Some(node) = &mut self.nodes[to] else {
                    return;
                };
                let outputs = node.handle(Input::Request(request));
                for output in outputs {
                    if let Output::Reply(reply) = output {
                        if self.nodes[from].is_some() {
                            self.network.insert(Message::Reply {
                                from: to,
                                to: from,
                                reply,
                            });
                        }
                    } else if let Some(input) = self.carry_out(to, output) {
                        self.handle(to, input);
                    }
                }
            }
            Message::Reply { from, to, reply } => {
                self.handle(to, Input::Reply(process(from).uid, reply));
            }
            Message::Join {
                from,
                to,
                formation,
            } => {
                let lets_in = self.nodes[to].as_ref().and_then(Node::cluster) == Some(formation);
                let wants = self.nodes[from].as_ref().is_some_and(|node| {
                    matches!(&node.coordinator.stage, Stage::Joining(joining) if joining.formation == formation)
                });
                if lets_in && wants {
                    self.handle(from, Input::Standing(member(from, formation)));
                }
            }
        }
    }

    /// Makes it comparable with others.
    fn note(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            node.note();
        }
    }

    fn tidy(&mut self) {
        let nodes = &self.nodes;
        self.network.retain(|message| {
            nodes[message.to()]
                .as_ref()
                .is_some_and(|node| node.awaits(message))
        });
    }

    /// Whether all that live end in one cluster once all are told, lists are whole, every message arrives, and nobody is
    /// too slow.
    fn ends_well(&self) -> bool {
        let mut run = self.clone();
        let living: Vec<_> = (0..run.nodes.len())
            .filter(|number| run.nodes[*number].is_some())
            .collect();
        for number in &living {
            run.tell(*number);
        }
        for node in run.nodes.iter_mut().flatten() {
            node.heard = u8::MAX;
        }
        let all_in_one = |run: &Self| {
            let mut clusters = living
                .iter()
                .map(|number| run.nodes[*number].as_ref().and_then(Node::cluster));
            let first = clusters.next().flatten();
            first.is_some() && clusters.all(|cluster| cluster == first)
        };
        for _ in 0..STEPS {
            for number in &living {
                run.look(*number);
                run.step(*number, LONG);
                while let Some(message) = run.network.pop_first() {
                    run.deliver(message);
                    run.tidy();
                }
            }
            if all_in_one(&run) {
                return run.started.len() == 1;
            }
        }
        false
    }
}

/// What a process answers to a probe.
fn answer(number: usize, node: &Node) -> Answer {
    let Process {
        uid,
        contact_point,
        gossip,
    } = process(number);
    let cluster = node.cluster().map(|formation| KnownCluster {
        formation,
        seeds: BTreeSet::from([gossip]),
    });
    Answer {
        uid,
        contact_point,
        cluster,
        expected: node.coordinator.state.own_number(),
        skew: Skew::default(),
    }
}

/// Alone in it: that is enough to let others in.
fn member(number: usize, formation: Formation) -> Standing {
    let me = process(number);
    Standing::Member {
        formation,
        members: BTreeMap::from([(me.contact_point, me.uid)]),
        reach: Reach {
            reachable: 1,
            missing: false,
        },
    }
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
}

impl Model for Formations {
    type State = Run;
    type Action = Action;

    fn init_states(&self) -> Vec<Run> {
        let mut run = Run {
            nodes: (0..self.numbers.len())
                .map(|number| Some(Node::new(number, self)))
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
                run.nodes[number] =
                    (self.crash == Crash::AndComeBack).then(|| Node::new(number, self));
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

/// Scaled from three to four: two propose, who were told the old number, and the others are told later.
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

/// With a quorum of one each is a majority of its own.
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
