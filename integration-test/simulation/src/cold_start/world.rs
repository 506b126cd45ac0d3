//! The simulated nodes, and what happens between them and AWS.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use demo_node::{
    bootstrap::{
        ContactPoint, Process,
        clocks::Skew,
        coordinator::{self, Coordinator, Input, Output},
        expected::Told,
        founding::{Reply, Request},
        state::{Answer, KnownCluster},
    },
    cluster::{ClusterId, Formation, NodeUid},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::SliceRandom};

use super::{
    aws::{Aws, Node},
    figures::{Cost, Figures, Met, Options},
    lookup::{Call, Lookup},
};

mod calls;
mod members;

const SECOND: Duration = Duration::from_secs(1);

/// What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(1800);

/// When simulated time begins: milliseconds since 1970.
const EPOCH: u64 = 1_800_000_000_000;

struct Running {
    coordinator: Coordinator,
    formation: Option<Formation>,
    joining: Option<KnownCluster>,
    knocks: bool,
    wakeup: Instant,
    lookup: Option<Lookup>,
    settled: HashMap<Node, Instant>,
    started_at: Instant,
    member_at: Option<Instant>,
    /// How many members it knows of.
    knows: usize,
}

enum Event {
    Start(Node),
    Wakeup(Node),
    /// A call arrives at AWS.
    Call(Node, u64, Call),
    /// Its answer arrives; none if it was throttled.
    CallAnswered(Node, u64, Call, Option<(Vec<Node>, bool)>),
    LookupTimeIsUp(Node, u64),
    Asked {
        from: Node,
        at: SocketAddr,
        question: Question,
    },
    Answered {
        to: Node,
        from: ContactPoint,
        answer: Reaction,
    },
    Knock(Node),
    /// All nodes get the news of members.
    Gossip,
}

#[derive(Clone, Copy)]
enum Question {
    Probe,
    Founding(NodeUid, Request),
    LetMeIn(Formation),
}

enum Reaction {
    Probe(Option<Answer>),
    Founding(NodeUid, Reply),
    Welcome(Formation),
}

pub(super) struct World {
    options: Options,
    rng: SmallRng,
    began: Instant,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Event>,
    sequence: u64,
    nodes: Vec<Option<Running>>,
    /// The last three numbers of each node's address.
    hosts: Vec<u32>,
    by_address: HashMap<SocketAddr, Node>,
    aws: Aws,
    clusters: BTreeSet<ClusterId>,
    members: BTreeMap<Formation, BTreeMap<ContactPoint, NodeUid>>,
    probes: BTreeMap<u64, u64>,
    turns: Vec<Duration>,
    alarmed_at: Option<Instant>,
    lookups: u64,
}

fn contact_point(host: u32) -> ContactPoint {
    let address = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + host);
    ContactPoint(SocketAddr::from((address, 7626)))
}

fn gossip(host: u32) -> SocketAddr {
    SocketAddr::new(contact_point(host).ip(), 7355)
}

fn uid(node: Node) -> NodeUid {
    NodeUid(u64::from(node) + 1)
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the beginning; and turns are timed"
)]
fn real_time() -> Instant {
    Instant::now()
}

impl World {
    pub(super) fn new(options: &Options) -> Self {
        let mut rng = SmallRng::seed_from_u64(options.seed);
        let began = real_time();
        let mut world = Self {
            options: options.clone(),
            began,
            now: began,
            queue: BTreeMap::new(),
            sequence: 0,
            nodes: Vec::new(),
            hosts: Vec::new(),
            by_address: HashMap::new(),
            aws: Aws::new(began),
            clusters: BTreeSet::new(),
            members: BTreeMap::new(),
            probes: BTreeMap::new(),
            turns: Vec::new(),
            alarmed_at: None,
            lookups: 0,
            rng: SmallRng::seed_from_u64(options.seed),
        };
        for number in 0..options.nodes {
            let node = Node::try_from(number).unwrap_or(Node::MAX);
            let at = match options.per_second {
                Some(rate) => SECOND.mul_f64(number as f64 / f64::from(rate.max(1))),
                None => SECOND.mul_f64(rng.random()),
            };
            world.at(began + at, Event::Start(node));
        }
        world.place(options.nodes);
        for number in 0..options.never_ready {
            let arn = world.rng.random();
            world.aws.runs(Node::MAX - number, arn);
        }
        world.at(began, Event::Gossip);
        world
    }

    /// Gives addresses to this many more nodes.
    fn place(&mut self, more: usize) {
        let first = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let last = first + u32::try_from(more).unwrap_or(u32::MAX);
        let mut hosts: Vec<_> = (first + 1..=last).collect();
        hosts.shuffle(&mut self.rng);
        for host in hosts {
            let node = Node::try_from(self.nodes.len()).unwrap_or(Node::MAX);
            self.nodes.push(None);
            self.hosts.push(host);
            self.by_address.insert(contact_point(host).0, node);
            self.by_address.insert(gossip(host), node);
        }
    }

    fn host(&self, node: Node) -> u32 {
        self.hosts[usize::from(node)]
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    /// How long a message takes one way.
    fn way(&self) -> Duration {
        self.options.round_trip / 2
    }

    fn node(&mut self, node: Node) -> Option<&mut Running> {
        self.nodes[usize::from(node)].as_mut()
    }

    /// Runs until `done`, or until the given time. Returns whether it was done.
    fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            let Some(((at, _), event)) = self.queue.pop_first() else {
                return false;
            };
            if end < at {
                self.now = end;
                self.at(at, event);
                return false;
            }
            self.now = at;
            self.happen(event);
        }
    }

    fn is_one_cluster(&self) -> bool {
        self.members
            .values()
            .any(|members| members.len() == self.nodes.len())
    }

    pub(super) fn run(mut self) -> (Figures, Cost) {
        let done = self.run_until(self.began + PATIENCE, Self::is_one_cluster);
        (self.figures(done), self.cost())
    }

    pub(super) fn meet(mut self, older: usize) -> Option<Met> {
        if !self.run_until(self.began + PATIENCE, Self::is_one_cluster) {
            return None;
        }
        let quiet = 600 * SECOND;
        let settled = self.now + 60 * SECOND;
        self.run_until(settled, |_| false);
        let before = self.aws.granted;
        self.run_until(settled + quiet, |_| false);
        let calls = (self.aws.granted - before) as f64;
        let pages = self.aws.pages() as f64;

        let formation = Formation {
            id: ClusterId(1),
            founded_at: 1,
        };
        let first = self.nodes.len();
        self.place(older);
        for number in first..self.nodes.len() {
            let node = Node::try_from(number).unwrap_or(Node::MAX);
            self.start(node);
            self.settle(node, formation);
        }
        let shown_at = self.now;
        let goes_over = |world: &Self| {
            let older = world.members.get(&formation);
            older.is_some_and(|members| members.len() == world.nodes.len())
        };
        self.run_until(shown_at + 300 * SECOND, goes_over)
            .then(|| Met {
                noticed: self.alarmed_at.unwrap_or(self.now) - shown_at,
                left_for: self.now - shown_at,
                calls_per_second_and_page: calls / quiet.as_secs_f64() / pages,
            })
    }

    fn figures(&self, done: bool) -> Figures {
        let nodes = self.options.nodes as f64;
        let mut took: Vec<_> = self
            .nodes
            .iter()
            .flatten()
            .filter_map(|node| Some((node.member_at? - node.started_at).as_secs_f64()))
            .collect();
        took.sort_by(f64::total_cmp);
        // A node that never became a member counts as infinitely slow.
        let share = |percent: usize| took.get((self.nodes.len() * percent).div_ceil(100) - 1);
        Figures {
            nodes: self.options.nodes,
            members: self.members.values().map(BTreeMap::len).max().unwrap_or(0),
            clusters: self.clusters.len(),
            seconds: done.then(|| rounded((self.now - self.began).as_secs_f64())),
            granted_calls_per_node: rounded(self.aws.granted as f64 / nodes),
            attempted_calls_per_node: rounded(self.aws.attempted as f64 / nodes),
            peak_probes_per_node_second: rounded(
                self.probes.values().max().copied().unwrap_or(0) as f64 / nodes,
            ),
            median_seconds_to_member: share(50).copied().map(rounded),
            p99_seconds_to_member: share(99).copied().map(rounded),
        }
    }

    fn cost(&mut self) -> Cost {
        self.turns.sort_unstable();
        let turns = self.turns.len();
        let share = |percent: usize| {
            let turn = self
                .turns
                .get((turns * percent / 100).min(turns.saturating_sub(1)));
            turn.copied().unwrap_or_default()
        };
        Cost {
            turns,
            median: share(50),
            p99: share(99),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(node) => {
                self.start(node);
                self.feed(node, Input::Tick, None);
            }
            Event::Wakeup(node) => {
                let now = self.now;
                if self.node(node).is_some_and(|node| node.wakeup <= now) {
                    self.feed(node, Input::Tick, None);
                }
            }
            Event::Call(node, lookup, call) => {
                let granted = self.aws.grants(call.group(), self.now);
                let page = match call {
                    Call::List { page, .. } if granted => Some(self.aws.page(page)),
                    Call::Describe { .. } | Call::DescribeService if granted => {
                        Some((Vec::new(), false))
                    }
                    _ => None,
                };
                let answer = Event::CallAnswered(node, lookup, call, page);
                self.after(self.way(), answer);
            }
            Event::CallAnswered(node, _, Call::DescribeService, answer) => {
                let told = match answer {
                    Some(_) => Told::Nodes(self.aws.desired),
                    None => Told::Throttled,
                };
                self.feed(node, Input::Told(told), None);
            }
            Event::CallAnswered(node, lookup, call, answer) => {
                self.goes_on(node, lookup, call, answer);
            }
            Event::LookupTimeIsUp(node, lookup) => {
                if let Some(running) = self.node(node)
                    && let Some(lookup) = running
                        .lookup
                        .as_mut()
                        .filter(|under_way| under_way.number == lookup)
                {
                    lookup.give_up();
                    self.end_lookup(node);
                }
            }
            Event::Asked { from, at, question } => self.asked(from, at, question),
            Event::Answered { to, from, answer } => match answer {
                Reaction::Probe(answer) => self.feed(to, Input::Probed(from, answer), None),
                Reaction::Founding(uid, reply) => self.feed(to, Input::Reply(uid, reply), None),
                Reaction::Welcome(formation) => {
                    let wanted = self.node(to).is_some_and(|node| {
                        let joining = node.joining.as_ref();
                        joining.is_some_and(|joining| joining.formation == formation)
                    });
                    if wanted {
                        self.settle(to, formation);
                    }
                }
            },
            Event::Knock(node) => {
                if let Some(running) = self.node(node) {
                    running.knocks = false;
                }
                self.knock(node);
            }
            Event::Gossip => {
                self.after(SECOND, Event::Gossip);
                for node in 0..self.nodes.len() {
                    self.tell_members(Node::try_from(node).unwrap_or(Node::MAX));
                }
            }
        }
    }

    fn start(&mut self, node: Node) {
        let host = self.host(node);
        let me = Process {
            uid: uid(node),
            contact_point: contact_point(host),
            gossip: gossip(host),
        };
        self.nodes[usize::from(node)] = Some(Running {
            coordinator: Coordinator::new(coordinator::Settings::defaults(me), self.now),
            formation: None,
            joining: None,
            knocks: false,
            wakeup: self.now,
            lookup: None,
            settled: HashMap::new(),
            started_at: self.now,
            member_at: None,
            knows: 0,
        });
        let arn = self.rng.random();
        self.aws.runs(node, arn);
        self.aws.desired = match self.options.per_second {
            None => self.options.nodes,
            Some(rate) => {
                let rate = usize::try_from(rate).unwrap_or(usize::MAX).max(1);
                let started = usize::from(node) + 1;
                started
                    .div_ceil(rate)
                    .saturating_mul(rate)
                    .min(self.options.nodes)
            }
        };
    }

    fn feed(&mut self, node: Node, input: Input, asker: Option<Node>) {
        let elapsed = self.now.saturating_duration_since(self.began).as_millis();
        let unix_millis = EPOCH + u64::try_from(elapsed).unwrap_or(u64::MAX);
        let all = self.options.nodes;
        let Some(running) = &mut self.nodes[usize::from(node)] else {
            return;
        };
        let began = real_time();
        let outputs = running
            .coordinator
            .handle(self.now, unix_millis, input, &mut self.rng);
        let wakeup = running.coordinator.next_wakeup(self.now);
        let took = real_time() - began;
        let asks_all = 2 * running.coordinator.state().contact_points(self.now).count() > all;
        // Turns that write to all nodes are left out: writing is no part of the turn's cost.
        if asks_all && outputs.len() < 10 {
            self.turns.push(took);
        }
        let woken = self.now < running.wakeup && running.wakeup <= wakeup;
        if !woken {
            running.wakeup = wakeup;
            let at = wakeup.max(self.now + Duration::from_millis(1));
            self.at(at, Event::Wakeup(node));
        }
        for output in outputs {
            self.carry_out(node, output, asker);
        }
    }

    fn carry_out(&mut self, node: Node, output: Output, asker: Option<Node>) {
        let ask = |at, question| Event::Asked {
            from: node,
            at,
            question,
        };
        match output {
            Output::Lookup(extent) => self.look_up(node, extent),
            Output::AskExpected => {
                self.after(self.way(), Event::Call(node, 0, Call::DescribeService));
            }
            Output::Probe(point) => {
                let second = self.now.saturating_duration_since(self.began).as_secs();
                *self.probes.entry(second).or_default() += 1;
                self.after(self.way(), ask(point.0, Question::Probe));
            }
            Output::Send(point, to, request) => {
                self.after(self.way(), ask(point.0, Question::Founding(to, request)));
            }
            Output::Reply(reply) => {
                if let Some(asker) = asker {
                    let from = contact_point(self.host(node));
                    let answer = Reaction::Founding(uid(node), reply);
                    let to = asker;
                    self.after(self.way(), Event::Answered { to, from, answer });
                }
            }
            Output::Start(formation) => {
                self.clusters.insert(formation.id);
                self.settle(node, formation);
            }
            Output::Join(cluster) => {
                if let Some(running) = self.node(node) {
                    running.joining = Some(cluster);
                }
                self.knock(node);
            }
            Output::Alarm { .. } => {
                self.alarmed_at.get_or_insert(self.now);
            }
        }
    }

    fn asked(&mut self, from: Node, at: SocketAddr, question: Question) {
        let to = self.by_address.get(&at).copied();
        let running = to.and_then(|to| self.nodes[usize::from(to)].as_ref().map(|node| (to, node)));
        let Some((to, running)) = running else {
            // Refused.
            if matches!(question, Question::Probe) {
                let answer = Reaction::Probe(None);
                let from_point = ContactPoint(at);
                let refused = Event::Answered {
                    to: from,
                    from: from_point,
                    answer,
                };
                self.after(self.way(), refused);
            }
            return;
        };
        let point = contact_point(self.host(to));
        let answer = match question {
            Question::Probe => Reaction::Probe(Some(Answer {
                uid: uid(to),
                contact_point: point,
                cluster: running.formation.map(|formation| KnownCluster {
                    formation,
                    seeds: self.seeds(to, formation),
                }),
                expected: running.coordinator.state().own_number(),
                skew: Skew::default(),
            })),
            Question::Founding(process, request) => {
                if process == uid(to) {
                    self.feed(to, Input::Request(request), Some(from));
                }
                return;
            }
            Question::LetMeIn(formation) if running.formation == Some(formation) => {
                Reaction::Welcome(formation)
            }
            Question::LetMeIn(_) => return,
        };
        let answered = Event::Answered {
            to: from,
            from: point,
            answer,
        };
        self.after(self.way(), answered);
    }
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}
