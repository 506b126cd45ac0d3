//! The simulated machines, the network between them, and what is seen of the nodes.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use demo_node::{
    bootstrap::wire::Sealer,
    cluster::{ClusterId, NodeUid},
    config::{self, Config, values::Error},
    http::{self, Ask},
    management::{self, Limits},
    membership::{Members, Status},
    node::{End, Node},
    seal::Keyring,
};
use discovery::{Discovery, config::Surroundings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    invariants::{Answer, Broken, Cluster, Running, invariant_one_cluster_ever},
    machine::{self, GOSSIP, Incoming, MANAGEMENT, Streams},
    mutation::Mutation,
    plan::{Change, Host, Plan},
    run::Injected,
};
use crate::stranger::Stranger;

/// When simulated time begins: milliseconds since 1970.
const EPOCH: Duration = Duration::from_millis(1_800_000_000_000);

/// How often machines look at what has arrived. A real one does so at once, but simulated looks take time.
const TICK: Duration = Duration::from_millis(10);

/// How long a user waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

const KEY: &str = "a secret that only this simulation has";

const CLUSTER: &str = "orders";

/// The machine of the attacker without the key. No node's address is lower.
const STRANGER: Host = 0;

/// All machines.
pub(super) struct World {
    sim: turmoil::Sim<'static>,
    shared: Rc<Shared>,
    nodes: Host,
    latency: Duration,
    /// The clusters that were formed, and the first node that was seen in each.
    pub(super) clusters: BTreeMap<ClusterId, Host>,
    /// Whether more than one may be formed.
    pub(super) beyond: bool,
    /// How often users have asked; each time from a new machine.
    asked: u8,
    pub(super) injected: Injected,
    pub(super) log: Vec<String>,
}

/// What the machines and the observer share.
struct Shared {
    seed: u64,
    mutation: Mutation,
    configs: BTreeMap<Host, Config>,
    lives: RefCell<BTreeMap<Host, Life>>,
    started: RefCell<BTreeMap<Host, Started>>,
    mailbox: RefCell<Mailbox>,
}

/// What is kept about a machine over the lives of its nodes.
#[derive(Default)]
struct Started {
    times: u64,
    first_at: Option<u64>,
}

/// A process.
struct Life {
    node: SocketAddr,
    uid: NodeUid,
    members: watch::Receiver<Arc<Members>>,
    seen: Option<Arc<Members>>,
    asked_to_stop: CancellationToken,
    end: Option<End>,
}

/// The users' questions, and the answers.
#[derive(Default)]
struct Mailbox {
    questions: VecDeque<(Host, &'static str)>,
    answers: BTreeMap<(Host, &'static str), Answer>,
}

/// The address of a machine.
fn address(host: Host) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, host)
}

fn ip(host: Host) -> IpAddr {
    address(host).into()
}

impl World {
    /// Machines without nodes yet.
    pub(super) fn new(seed: u64, plan: &Plan, mutation: Mutation) -> Result<Self, Broken> {
        machine::reset();
        let configs = (1..=plan.nodes)
            .map(|host| Ok((host, configuration(host, plan, mutation)?)))
            .collect::<Result<_, Error>>();
        let shared = Rc::new(Shared {
            seed,
            mutation,
            configs: configs.map_err(|error| failed(&error.to_string()))?,
            lives: RefCell::default(),
            started: RefCell::default(),
            mailbox: RefCell::default(),
        });
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH + EPOCH)
            .tick_duration(TICK)
            .simulation_duration(Duration::MAX)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(plan.latency)
            // A burst at the end of a stall is not tested here.
            .udp_capacity(1024)
            .build();
        for host in 1..=plan.nodes {
            let shared = Rc::clone(&shared);
            sim.host(ip(host), move || live(host, Rc::clone(&shared)));
            sim.crash(ip(host));
        }
        if plan.stranger {
            // Without a key, the attacker has what every node has.
            let key = match mutation {
                Mutation::Unsealed => Keyring::unsealed(),
                Mutation::None
                | Mutation::GenerationNotRaised
                | Mutation::WritesToMembersOnly
                | Mutation::QuorumTooSmall => {
                    let own = Keyring::from_secrets(&["a secret that only the stranger has"]);
                    own.map_err(|error| failed(&error.to_string()))?
                }
            };
            sim.host(ip(STRANGER), move || intrude(stranger(key.clone())));
        }
        Ok(Self {
            sim,
            shared,
            nodes: plan.nodes,
            latency: plan.latency,
            clusters: BTreeMap::new(),
            beyond: false,
            asked: 0,
            injected: Injected::default(),
            log: Vec::new(),
        })
    }

    /// How long it has run, in its own time.
    pub(super) fn elapsed(&self) -> Duration {
        self.sim.elapsed()
    }

    /// The nodes that are running.
    pub(super) fn running(&self) -> Cluster {
        let lives = self.shared.lives.borrow();
        let running = lives.iter().filter(|(_, life)| life.end.is_none());
        running
            .map(|(host, life)| {
                let running = Running {
                    node: life.node,
                    uid: life.uid,
                    members: Arc::clone(&life.members.borrow()),
                };
                (*host, running)
            })
            .collect()
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, duration: Duration) -> Result<(), Broken> {
        let end = self.elapsed() + duration;
        while self.elapsed() < end {
            self.step()?;
        }
        Ok(())
    }

    /// Lets time pass until a condition holds, and returns how long that took.
    pub(super) fn within(
        &mut self,
        limit: Duration,
        holds: impl Fn(&Cluster) -> Result<(), Broken>,
    ) -> Result<Duration, Broken> {
        let began = self.elapsed();
        let mut still = holds(&self.running());
        while let Err(broken) = still {
            if began + limit <= self.elapsed() {
                return Err(Broken {
                    invariant: broken.invariant,
                    how: format!("not within {limit:?}: {}", broken.how),
                });
            }
            still = if self.step()? {
                holds(&self.running())
            } else {
                Err(broken)
            };
        }
        Ok(self.elapsed() - began)
    }

    /// Lets a moment pass. Returns whether any node's view has changed.
    fn step(&mut self) -> Result<bool, Broken> {
        if let Err(error) = self.sim.step() {
            return Err(failed(&format!("{error:#}")));
        }
        let now = self.sim.elapsed();
        let mut changed = false;
        for (host, life) in self.shared.lives.borrow_mut().iter_mut() {
            match life.end {
                None => {}
                Some(End::Left) if life.asked_to_stop.is_cancelled() => {}
                Some(end) => return Err(failed(&format!("the node of {host} ended: {end:?}"))),
            }
            let members = life.members.borrow().clone();
            if life
                .seen
                .as_ref()
                .is_some_and(|seen| Arc::ptr_eq(seen, &members))
            {
                continue;
            }
            changed = true;
            self.log
                .push(format!("{now:.2?} {host}: {}", shown(&members)));
            if members.me.status == Status::Up
                && let Some(formation) = members.formation
            {
                self.clusters.entry(formation.id).or_insert(*host);
            }
            life.seen = Some(members);
        }
        if changed && !self.beyond {
            invariant_one_cluster_ever(&self.clusters)?;
        }
        Ok(changed)
    }

    /// Applies a fault, or its end.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), Broken> {
        self.log.push(format!("{:.2?} {change:?}", self.elapsed()));
        match change {
            Change::Start(host) => self.start(*host)?,
            Change::Crash(host) => {
                self.injected.crashes += 1;
                self.sim.crash(ip(*host));
                self.shared.lives.borrow_mut().remove(host);
            }
            Change::Leave(host) => {
                self.injected.departures += 1;
                if let Some(life) = self.shared.lives.borrow().get(host) {
                    life.asked_to_stop.cancel();
                }
            }
            Change::Cut(apart) => {
                self.injected.splits += 1;
                for (one, other) in self.pairs() {
                    if apart.contains(&one) != apart.contains(&other) {
                        self.sim.release(ip(one), ip(other));
                        self.sim.partition(ip(one), ip(other));
                    }
                }
            }
            Change::Deafen(from, to) => {
                self.injected.deafened += 1;
                self.sim.release(ip(*from), ip(*to));
                self.sim.partition_oneway(ip(*from), ip(*to));
            }
            Change::Stall(one, other) => {
                self.injected.stalled += 1;
                self.sim.release(ip(*one), ip(*other));
                self.sim.hold(ip(*one), ip(*other));
            }
            Change::Slow(one, other, latency) => {
                self.injected.slow += 1;
                let latency = self.latency.max(*latency);
                self.sim
                    .set_link_max_message_latency(ip(*one), ip(*other), latency);
            }
            Change::Lossy(one, other, percent) => {
                self.injected.lossy += 1;
                let rate = f64::from(*percent) / 100.0;
                self.sim.set_link_fail_rate(ip(*one), ip(*other), rate);
            }
            Change::Mend => self.mend(),
        }
        Ok(())
    }

    /// Starts a process at a machine; one that still runs there ends without notice.
    fn start(&mut self, host: Host) -> Result<(), Broken> {
        self.injected.processes += 1;
        self.shared.lives.borrow_mut().remove(&host);
        self.sim.bounce(ip(host));
        // It is known once it has run for a moment.
        self.step()?;
        Ok(())
    }

    fn mend(&mut self) {
        for (one, other) in self.pairs() {
            let (one, other) = (ip(one), ip(other));
            self.sim.release(one, other);
            self.sim
                .set_link_max_message_latency(one, other, self.latency);
            self.sim.set_link_fail_rate(one, other, 0.0);
        }
    }

    /// Ends all faults: the network has none, and every machine has a node.
    pub(super) fn calm(&mut self) -> Result<(), Broken> {
        self.change(&Change::Mend)?;
        for host in 1..=self.nodes {
            let stays = self
                .shared
                .lives
                .borrow()
                .get(&host)
                .is_some_and(|life| !life.asked_to_stop.is_cancelled());
            if !stays {
                self.change(&Change::Start(host))?;
            }
        }
        Ok(())
    }

    fn pairs(&self) -> Vec<(Host, Host)> {
        (1..=self.nodes)
            .flat_map(|one| (one + 1..=self.nodes).map(move |other| (one, other)))
            .collect()
    }

    /// The gossip address of a machine's node.
    pub(super) fn node(host: Host) -> SocketAddr {
        SocketAddr::new(ip(host), GOSSIP)
    }

    /// Every running node's answers to these questions, asked from another machine.
    pub(super) fn ask_all<const N: usize>(
        &mut self,
        paths: [&'static str; N],
    ) -> Result<BTreeMap<Host, [Answer; N]>, Broken> {
        let hosts: Vec<Host> = self.running().keys().copied().collect();
        for host in &hosts {
            let questions = paths.map(|path| (*host, path));
            self.shared.mailbox.borrow_mut().questions.extend(questions);
        }
        let shared = Rc::clone(&self.shared);
        self.asked += 1;
        let people = IpAddr::from([10, 0, 1, self.asked]);
        self.sim.client(people, ask(shared));
        let waited = self.elapsed() + PATIENCE * u32::from(self.nodes) * 2;
        let expected = hosts.len() * N;
        while self.shared.mailbox.borrow().answers.len() < expected && self.elapsed() < waited {
            self.step()?;
        }
        let answers = std::mem::take(&mut self.shared.mailbox.borrow_mut().answers);
        Ok(hosts
            .into_iter()
            .map(|host| {
                let all = paths.map(|path| match answers.get(&(host, path)) {
                    Some(answer) => answer.clone(),
                    None => Err("was not asked in time".to_owned()),
                });
                (host, all)
            })
            .collect())
    }
}

/// One life of the node on a machine.
async fn live(host: Host, shared: Rc<Shared>) -> turmoil::Result {
    let times = {
        let mut started = shared.started.borrow_mut();
        let started = started.entry(host).or_default();
        started.times += 1;
        started.times
    };
    let seed = shared.seed ^ (u64::from(host) << 56) ^ (times << 48);
    let (machine, membership) = machine::machine(address(host), seed, shared.mutation).await?;
    let config = &shared.configs[&host];
    let nowhere = Surroundings::default();
    let discovery = Discovery::in_surroundings(config.discovery.clone(), &nowhere).await?;
    let clock_stuck_at = {
        let mut started = shared.started.borrow_mut();
        let started = started.entry(host).or_default();
        let first = *started.first_at.get_or_insert_with(machine::unix_millis);
        (shared.mutation == Mutation::GenerationNotRaised).then_some(first)
    };
    let node =
        machine::with_clock_stuck_at(clock_stuck_at, || Node::start(config, discovery, machine))?;
    let asked_to_stop = CancellationToken::new();
    let members = node.membership.members();
    let uid = members.borrow().me.uid;
    let life = Life {
        node: node.address.socket,
        uid,
        members,
        seen: None,
        asked_to_stop: asked_to_stop.clone(),
        end: None,
    };
    shared.lives.borrow_mut().insert(host, life);
    // It is set once, here.
    let _handed_over = membership.set(node.membership.clone()).is_ok();
    let end = node.run(asked_to_stop).await?;
    if let Some(life) = shared.lives.borrow_mut().get_mut(&host) {
        life.end = Some(end);
    }
    Ok(())
}

fn stranger(keyring: Keyring) -> Stranger {
    let cluster = CLUSTER.parse().expect("the name is one of our own");
    let sealer = Sealer {
        keyring,
        cluster,
        fresh: machine::fresh,
    };
    Stranger::new(ip(STRANGER), MANAGEMENT, GOSSIP, sealer)
}

/// Answers all questions.
async fn intrude(stranger: Stranger) -> turmoil::Result {
    let (listener, router) = (Incoming::bind().await?, stranger.router());
    management::serve(
        listener,
        router,
        Limits::default(),
        CancellationToken::new(),
    )
    .await;
    Ok(())
}

/// A user on another machine asks questions.
async fn ask(shared: Rc<Shared>) -> turmoil::Result {
    loop {
        let question = shared.mailbox.borrow_mut().questions.pop_front();
        let Some((host, path)) = question else {
            return Ok(());
        };
        let to = SocketAddr::new(ip(host), MANAGEMENT);
        let answer = match http::ask(&Streams, to, Ask::get(path), PATIENCE).await {
            Ok((status, body)) => {
                Ok((status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
            }
            Err(error) => Err(error.to_string()),
        };
        let mut mailbox = shared.mailbox.borrow_mut();
        mailbox.answers.insert((host, path), answer);
    }
}

/// The settings that the program would read from its environment.
fn configuration(host: Host, plan: &Plan, mutation: Mutation) -> Result<Config, Error> {
    let (list, expected, required) = match mutation {
        // Two must consent to a cluster: this node and the next.
        Mutation::QuorumTooSmall => (&BTreeSet::from([host, host % plan.nodes + 1]), 2, 2),
        Mutation::None
        | Mutation::GenerationNotRaised
        | Mutation::WritesToMembersOnly
        | Mutation::Unsealed => (&plan.lists[&host], usize::from(plan.nodes), plan.required),
    };
    let stranger = plan.stranger.then_some(&STRANGER);
    let list: Vec<String> = list
        .iter()
        .chain(stranger)
        .map(|other| format!("{}:{MANAGEMENT}", address(*other)))
        .collect();
    let environment = [
        ("DISCOVERY_METHOD", "config".to_owned()),
        ("DISCOVERY_CONFIG_ADDRESSES", list.join(",")),
        ("BOOTSTRAP_SERVICE_NAME", CLUSTER.to_owned()),
        ("BOOTSTRAP_EXPECTED_NODES", expected.to_string()),
        ("BOOTSTRAP_REQUIRED_CONTACT_POINTS", required.to_string()),
        ("MEMBERSHIP_PORT", GOSSIP.to_string()),
        ("MEMBERSHIP_KEYS", KEY.to_owned()),
        ("MANAGEMENT_PORT", MANAGEMENT.to_string()),
    ];
    let environment = environment.map(|(name, value)| (format!("DEMO_NODE_{name}"), value));
    let values = config::gather(&BTreeMap::new(), None, &environment.into())?;
    let mut config = Config::read(&values)?;
    if mutation == Mutation::Unsealed {
        config.membership.keyring = Keyring::unsealed();
    }
    Ok(config)
}

fn failed(how: &str) -> Broken {
    Broken {
        invariant: "invariant_no_node_fails",
        how: how.to_owned(),
    }
}

/// A view in short form: processes by the last number of their address, their uid and generation.
fn shown(members: &Members) -> String {
    let cluster = members.formation.map_or_else(
        || "none".to_owned(),
        |formation| format!("{:.8}", formation.id.to_string()),
    );
    let others = members.members.values().map(|member| {
        let reachable = if member.reachable { "" } else { " unreachable" };
        let since = Duration::from_millis(member.generation).saturating_sub(EPOCH);
        format!(
            "{} {}{reachable} ({:04x}, {})",
            last_number(member.gossip.ip()),
            member.status,
            member.uid.0 & 0xffff,
            since.as_millis()
        )
    });
    let others: Vec<String> = others.collect();
    format!("{} in {cluster}: {}", members.me.status, others.join(", "))
}

fn last_number(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    }
}
