//! The simulated nodes, the messages between them, and what happens to both.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use demo_node::{
    bootstrap::{
        ContactPoint, Process as Itself, Standing,
        coordinator::{self, Coordinator, Input, Output},
        expected::Told,
        founding::{Reply, Request},
        minority::Reach,
        state::{Answer, KnownCluster, OnRival, View},
    },
    cluster::{Formation, NodeUid},
};
use rand::{SeedableRng, rngs::SmallRng};

use super::{
    faults::{Faults, Impairment, Mutation},
    hosts::{Host, Process, contact_point, gossip, host},
    run::{Injected, Run},
};

mod fleet;
mod mishaps;

const SECOND: Duration = Duration::from_secs(1);

/// What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(180);

struct Node {
    process: Process,
    coordinator: Coordinator,
    standing: Standing,
    /// The set of members that know each other. Two halves of one cluster are two islands.
    island: Option<u64>,
    joining: Option<KnownCluster>,
    /// Whether a [`Happening::Knock`] is scheduled.
    knocking: bool,
    wakeup: Instant,
}

enum Happening {
    Start(Host),
    Crash(Host),
    Wakeup(Host, Process),
    LookedUp(Host, Process, View),
    Expected(Host, Process),
    /// A question arrives, at one of the host's addresses.
    Asked {
        from: (Host, Process),
        at: SocketAddr,
        question: Question,
    },
    /// An answer arrives, or none did in time.
    Answered {
        to: (Host, Process),
        from: SocketAddr,
        answer: Option<Reaction>,
    },
    /// A node that was told to join tries its seeds.
    Knock(Host, Process),
}

#[derive(Clone, Copy)]
enum Question {
    Probe,
    Founding(NodeUid, Request),
    LetMeIn(Formation),
}

enum Reaction {
    Probe(Answer),
    Founding(NodeUid, Reply),
    Welcome(Formation, u64),
}

pub(super) struct World {
    rng: SmallRng,
    faults: Faults,
    mutation: Mutation,
    began: Instant,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,
    nodes: BTreeMap<Host, Node>,
    /// When each task started and, if it did, ended: AWS lists this, with a delay.
    tasks: Vec<(Host, Instant, Option<Instant>)>,
    next_process: Process,
    next_island: u64,
    outcome: Run,
}

impl World {
    pub(super) fn new(
        seed: u64,
        draw: impl FnOnce(&mut SmallRng) -> Faults,
        mutation: Mutation,
    ) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let faults = draw(&mut rng);
        #[expect(
            clippy::disallowed_methods,
            reason = "any instant will do as the beginning"
        )]
        let began = Instant::now();
        let mut world = Self {
            rng,
            mutation,
            began,
            now: began,
            queue: BTreeMap::new(),
            sequence: 0,
            nodes: BTreeMap::new(),
            tasks: Vec::new(),
            next_process: 1,
            next_island: 1,
            outcome: Run {
                seed,
                clusters: BTreeSet::new(),
                converged: false,
                took: Duration::ZERO,
                injected: Injected::default(),
            },
            faults,
        };
        for (at, host) in world.faults.starts.clone() {
            world.schedule(at, Happening::Start(host));
        }
        for (at, host) in world.faults.crashes.clone() {
            world.schedule(at, Happening::Crash(host));
        }
        world
    }

    fn schedule(&mut self, after_began: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue
            .insert((self.began + after_began, self.sequence), happening);
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        let at = self.now.saturating_duration_since(self.began) + delay;
        self.schedule(at, happening);
    }

    pub(super) fn run(mut self) -> Run {
        let mut calm = self.began + self.faults.until;
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            self.now = at;
            self.happen(happening);
            if calm <= self.now && self.is_one_cluster() {
                if self.second_fleet() {
                    calm = self.began + self.faults.until;
                    continue;
                }
                self.outcome.converged = true;
                self.outcome.took = self.now.saturating_duration_since(calm);
                break;
            }
            if calm + PATIENCE < self.now {
                break;
            }
        }
        self.outcome
    }

    fn is_one_cluster(&self) -> bool {
        // A node with a wrong clock cannot be in it.
        let wrong = self.faults.lasting.clock.map(|(host, _)| host);
        let able = self.nodes.iter().filter(|(host, _)| Some(**host) != wrong);
        let mut islands = able.map(|(_, node)| node.island);
        let first = islands.next().flatten();
        first.is_some() && islands.all(|island| island == first)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Start(host) => self.start(host),
            Happening::Crash(host) => self.crash(host),
            Happening::Wakeup(host, process) => {
                if self.lives(host, process) && self.nodes[&host].wakeup <= self.now {
                    self.feed(host, Input::Tick, None);
                }
            }
            Happening::LookedUp(host, process, result) => {
                if self.lives(host, process) {
                    self.feed(host, Input::Looked(result), None);
                }
            }
            Happening::Expected(host, process) => {
                if self.lives(host, process) {
                    let told = match self.mutation {
                        Mutation::ExpectedNodesIgnored => Told::Nodes(1),
                        Mutation::None
                        | Mutation::PartialMayFound
                        | Mutation::OutsideOwnViewMayFound => self.told(host),
                    };
                    self.feed(host, Input::Told(told), None);
                }
            }
            Happening::Asked { from, at, question } => self.asked(from, at, question),
            Happening::Answered {
                to: (host, process),
                from,
                answer,
            } => {
                if self.lives(host, process) {
                    self.answered(host, from, answer);
                }
            }
            Happening::Knock(host, process) => {
                if self.lives(host, process) {
                    if let Some(node) = self.nodes.get_mut(&host) {
                        node.knocking = false;
                    }
                    self.knock(host);
                }
            }
        }
    }

    fn lives(&self, host: Host, process: Process) -> bool {
        self.nodes
            .get(&host)
            .is_some_and(|node| node.process == process)
    }

    fn start(&mut self, host: Host) {
        let process = self.next_process;
        self.next_process += 1;
        self.outcome.injected.processes += 1;
        let me = Itself {
            uid: NodeUid(process),
            contact_point: contact_point(host),
            gossip: gossip(host),
        };
        let mut settings = coordinator::Settings::defaults(me);
        settings.rules.new_cluster_enabled =
            self.faults.lasting.impaired != Some((host, Impairment::MayNotFound));
        settings.rules.participants = self.faults.participants;
        settings.rules.on_rival = OnRival::Alarm;
        let node = Node {
            process,
            coordinator: Coordinator::new(settings, self.now),
            standing: Standing::Outside,
            island: None,
            joining: None,
            knocking: false,
            wakeup: self.now,
        };
        self.nodes.insert(host, node);
        self.tasks.push((host, self.now, None));
        self.feed(host, Input::Tick, None);
    }

    fn crash(&mut self, host: Host) {
        if self.nodes.remove(&host).is_none() {
            return;
        }
        self.outcome.injected.crashes += 1;
        let now = self.now;
        for (task, _, ended) in &mut self.tasks {
            if *task == host && ended.is_none() {
                *ended = Some(now);
            }
        }
        self.announce_members();
    }

    /// Gives a node its input and carries out its outputs. `asker` waits for a reply.
    fn feed(&mut self, host: Host, input: Input, asker: Option<(Host, Process)>) {
        let unix_millis = self.clock(host);
        let Some(node) = self.nodes.get_mut(&host) else {
            return;
        };
        let outputs = node
            .coordinator
            .handle(self.now, unix_millis, input, &mut self.rng);
        let process = node.process;
        for output in outputs {
            self.carry_out(host, process, output, asker);
        }
        let Some(node) = self.nodes.get_mut(&host) else {
            return;
        };
        let wakeup = node.coordinator.next_wakeup(self.now);
        assert!(
            self.now < wakeup,
            "wants to be woken at once, and would spin"
        );
        if self.now < node.wakeup && node.wakeup <= wakeup {
            // It is woken before that anyway.
            return;
        }
        node.wakeup = wakeup;
        let delay = wakeup
            .saturating_duration_since(self.now)
            .max(Duration::from_millis(1));
        self.after(delay, Happening::Wakeup(host, process));
    }

    fn carry_out(
        &mut self,
        host: Host,
        process: Process,
        output: Output,
        asker: Option<(Host, Process)>,
    ) {
        match output {
            Output::Lookup(extent) => {
                let result = self.look_up(host, extent);
                let latency = self.delay() * 2;
                self.after(latency, Happening::LookedUp(host, process, result));
            }
            Output::AskExpected => {
                let latency = self.delay() * 2;
                self.after(latency, Happening::Expected(host, process));
            }
            Output::Probe(point) => self.ask((host, process), point.0, Question::Probe),
            Output::Send(point, to, request) => {
                self.ask((host, process), point.0, Question::Founding(to, request));
            }
            Output::Reply(reply) => {
                if let Some((to, to_process)) = asker {
                    let answer = Reaction::Founding(NodeUid(process), reply);
                    self.reply(contact_point(host).0, (to, to_process), answer);
                }
            }
            Output::Start(formation) => {
                self.outcome.clusters.insert(formation.id);
                let island = self.next_island;
                self.next_island += 1;
                self.settle(host, formation, island);
            }
            Output::Join(cluster) => {
                if let Some(node) = self.nodes.get_mut(&host) {
                    node.joining = Some(cluster);
                    self.knock(host);
                }
            }
            Output::Alarm { .. } => {}
        }
    }

    /// Sends a question to an address; a question that is lost gets no answer in time.
    fn ask(&mut self, from: (Host, Process), at: SocketAddr, question: Question) {
        let timeout = Happening::Answered {
            to: from,
            from: at,
            answer: None,
        };
        if self.is_cut(from.0, host(at)) || self.is_lost() {
            // Forming works without the answer; a probe must learn that there was none.
            if matches!(question, Question::Probe) {
                self.after(SECOND, timeout);
            }
            return;
        }
        let delay = self.delay();
        if self.is_repeated() {
            let again = self.delay() + delay;
            if !matches!(question, Question::Probe) {
                self.after(again, Happening::Asked { from, at, question });
            }
        }
        self.after(delay, Happening::Asked { from, at, question });
    }

    fn asked(&mut self, from: (Host, Process), at: SocketAddr, question: Question) {
        let to = host(at);
        let skew = self.skew(from.0, to);
        let Some(node) = self.nodes.get(&to) else {
            // Nothing listens there: the connection is refused at once, or there is no answer. The asker learns it in
            // both cases.
            if matches!(question, Question::Probe) {
                let delay = self.delay();
                self.after(
                    delay,
                    Happening::Answered {
                        to: from,
                        from: at,
                        answer: None,
                    },
                );
            }
            return;
        };
        match question {
            Question::Probe => {
                let answer = Answer {
                    uid: NodeUid(node.process),
                    contact_point: contact_point(to),
                    cluster: self.cluster_of(to),
                    expected: node.coordinator.state().own_number(),
                    skew,
                };
                self.reply(at, from, Reaction::Probe(answer));
            }
            // For a process that ran here before: refused.
            Question::Founding(uid, _) if uid != NodeUid(node.process) => {}
            Question::Founding(_, request) => self.feed(to, Input::Request(request), Some(from)),
            Question::LetMeIn(formation) => {
                let is_member = matches!(
                    node.standing, Standing::Member { formation: f, .. } if f == formation
                );
                // Gossip from a node with a wrong clock is ignored.
                if let (true, Some(island), true) = (is_member, node.island, skew.is_tolerable()) {
                    self.reply(at, from, Reaction::Welcome(formation, island));
                }
            }
        }
    }

    fn reply(&mut self, from: SocketAddr, to: (Host, Process), answer: Reaction) {
        let probe = matches!(answer, Reaction::Probe(_));
        if self.is_cut(host(from), to.0) || self.is_lost() {
            if probe {
                self.after(
                    SECOND,
                    Happening::Answered {
                        to,
                        from,
                        answer: None,
                    },
                );
            }
            return;
        }
        let delay = self.delay();
        self.after(
            delay,
            Happening::Answered {
                to,
                from,
                answer: Some(answer),
            },
        );
    }

    fn answered(&mut self, host: Host, from: SocketAddr, answer: Option<Reaction>) {
        let point = ContactPoint(from);
        match answer {
            None => self.feed(host, Input::Probed(point, None), None),
            Some(Reaction::Probe(answer)) => {
                self.feed(host, Input::Probed(point, Some(answer)), None);
            }
            Some(Reaction::Founding(uid, reply)) => {
                self.feed(host, Input::Reply(uid, reply), None);
            }
            Some(Reaction::Welcome(formation, island)) => {
                let still_wanted = self.nodes.get(&host).is_some_and(|node| {
                    node.joining
                        .as_ref()
                        .is_some_and(|joining| joining.formation == formation)
                });
                if still_wanted {
                    self.settle(host, formation, island);
                }
            }
        }
    }

    fn cluster_of(&self, host: Host) -> Option<KnownCluster> {
        let node = self.nodes.get(&host)?;
        let Standing::Member { formation, .. } = node.standing else {
            return None;
        };
        let others = self
            .nodes
            .iter()
            .filter(|(_, other)| other.island == node.island);
        let seeds = std::iter::once(gossip(host))
            .chain(others.map(|(other, _)| gossip(*other)))
            .take(6)
            .collect();
        Some(KnownCluster { formation, seeds })
    }

    /// Asks every seed to be admitted, and repeats it until one agrees.
    fn knock(&mut self, host: Host) {
        let Some(node) = self.nodes.get_mut(&host) else {
            return;
        };
        let Some(joining) = node.joining.clone() else {
            return;
        };
        let process = node.process;
        if !std::mem::replace(&mut node.knocking, true) {
            self.after(SECOND / 5, Happening::Knock(host, process));
        }
        for seed in joining.seeds {
            self.ask((host, process), seed, Question::LetMeIn(joining.formation));
        }
    }

    /// Makes a node a member, and merges its island with the one that it was on.
    fn settle(&mut self, host: Host, formation: Formation, island: u64) {
        let Some(node) = self.nodes.get_mut(&host) else {
            return;
        };
        node.joining = None;
        node.standing = Standing::Member {
            formation,
            members: BTreeMap::new(),
            reach: whole(1),
            seeds: Vec::new(),
        };
        if let Some(before) = node.island.replace(island) {
            for node in self
                .nodes
                .values_mut()
                .filter(|node| node.island == Some(before))
            {
                node.island = Some(island);
            }
        }
        self.announce_members();
    }

    /// Tells every member which nodes are on its island.
    fn announce_members(&mut self) {
        let hosts: Vec<Host> = self.nodes.keys().copied().collect();
        for host in hosts {
            let node = &self.nodes[&host];
            let Standing::Member {
                formation,
                members: before,
                ..
            } = &node.standing
            else {
                continue;
            };
            let members: BTreeMap<_, _> = self
                .nodes
                .iter()
                .filter(|(_, other)| other.island == node.island)
                .map(|(host, node)| (contact_point(*host), NodeUid(node.process)))
                .collect();
            if *before == members {
                continue;
            }
            let standing = Standing::Member {
                formation: *formation,
                reach: whole(members.len()),
                members,
                seeds: Vec::new(),
            };
            if let Some(node) = self.nodes.get_mut(&host) {
                node.standing = standing.clone();
            }
            self.feed(host, Input::Standing(standing), None);
        }
    }
}

/// Members here are always reachable.
fn whole(members: usize) -> Reach {
    Reach {
        reachable: members,
        missing: false,
    }
}
