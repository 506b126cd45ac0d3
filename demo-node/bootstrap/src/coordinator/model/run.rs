//! All processes and the messages between them.

use std::fmt;

use super::{
    super::*,
    node::{Node, answer, member, process, process_that_gossips_at},
};

/// Long enough for everything that a process waits for: its turn, an attempt, being let in.
const LONG: Duration = Duration::from_secs(6);

/// How often each process is woken before all must be in one cluster.
const STEPS: usize = 40;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Run {
    /// The processes that have not crashed.
    pub(super) nodes: Vec<Option<Node>>,
    pub(super) network: BTreeSet<Message>,
    pub(super) waits: usize,
    pub(super) crashed: bool,
    pub(super) started: BTreeSet<ClusterId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Message {
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
    /// Whether the message may still change something there.
    fn matters_to(&self, node: &Node) -> bool {
        match (self, &node.coordinator.stage) {
            (Self::Reply { reply, .. }, Stage::Founding(founding)) => {
                founding.proposer.awaits(reply)
            }
            (Self::Reply { .. }, _) => false,
            (Self::Request { .. } | Self::Join { .. }, _) => true,
        }
    }

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
            // The sender, if this is a request: the reply goes there.
            let Some(node) = &mut self.nodes[number] else {
                return;
            };
            for output in node.handle(input) {
                inputs.extend(self.carry_out(number, output));
            }
        }
    }

    /// Does what the process wants, and returns what it learns at once.
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
            // These have no effect here; the delivery of a request also carries its reply.
            Output::Lookup(_)
            | Output::AskExpected
            | Output::Probe(_)
            | Output::Reply(_)
            | Output::Alarm { .. } => {}
        }
        None
    }

    pub(super) fn tell(&mut self, number: usize) {
        let outputs = self.nodes[number].as_mut().map(Node::tell);
        for output in outputs.into_iter().flatten() {
            if let Some(input) = self.carry_out(number, output) {
                self.handle(number, input);
            }
        }
    }

    /// Tells the process who is listed, and those nodes answer.
    pub(super) fn look(&mut self, number: usize) {
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

    pub(super) fn wait(&mut self, number: usize) {
        let mut left = LONG;
        while !left.is_zero() {
            left -= self.step(number, left);
        }
    }

    /// Time passes for this process until something is due, or for this long at most. Returns how long.
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

    pub(super) fn deliver(&mut self, message: Message) {
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
    pub(super) fn note(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            node.note();
        }
    }

    pub(super) fn tidy(&mut self) {
        let nodes = &self.nodes;
        self.network.retain(|message| {
            nodes[message.to()]
                .as_ref()
                .is_some_and(|node| message.matters_to(node))
        });
    }

    /// Whether all live processes end in one cluster when all know the number, lists are complete, every message
    /// arrives, and no process is too slow.
    pub(super) fn ends_well(&self) -> bool {
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
