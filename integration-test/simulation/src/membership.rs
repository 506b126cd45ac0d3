//! A cluster in virtual time: the real protocol, a simulated network, no sockets and no waiting.
//!
//! Everything is drawn from one seed, so a run can be repeated exactly. One queue of events drives all nodes, so that
//! a minute of a thousand nodes is affordable. It does not cover the task and its socket; the tests with a simulated
//! network stack do that.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::SocketAddr,
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use demo_node::{
    clock,
    cluster::{ClusterId, ClusterName, Formation, NodeUid},
    membership::{Entropy, Event, Gossip, Local, Members, Now, Status, Timing, Traffic, events},
    seal::Keyring,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IteratorRandom as _};

/// When simulated time begins: milliseconds since 1970.
const EPOCH: u64 = 1_800_000_000_000;

/// The port that every simulated node gossips on.
const PORT: u16 = 7355;

/// The behaviour of the network and the nodes.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed of everything random.
    pub seed: u64,
    /// How nodes gossip.
    pub timing: Timing,
    /// What seals their datagrams.
    pub keyring: Keyring,
    /// How long a datagram travels, in microseconds.
    pub latency: RangeInclusive<u64>,
    /// What part of all datagrams is lost.
    pub loss: f64,
    /// How often to look at a node that has something to do. A large cluster is looked at less often, because its
    /// views are large and change all the time while it forms.
    pub look_every: Duration,
    /// How often a member fetches another's full state; after joining, more often at first. `None` for never.
    pub synchronise: Option<Duration>,
}

/// A cluster in virtual time.
#[derive(Debug)]
pub struct Simulation {
    options: Options,
    rng: StdRng,
    start: Instant,
    now: Duration,
    queue: BinaryHeap<Reverse<(Duration, u64, Happening)>>,
    queued: u64,
    nodes: BTreeMap<SocketAddr, Node>,
    uids: u64,
    /// Which side of a partition nodes are on; those not listed are on side 0.
    sides: BTreeMap<SocketAddr, u8>,
    trace: DefaultHasher,
    formation: Formation,
}

#[derive(Debug)]
struct Node {
    gossip: Gossip,
    members: Arc<Members>,
    wake_at: Option<Duration>,
    looked_at: Duration,
    /// It does nothing until then.
    held_until: Duration,
    log: Vec<(Duration, Event)>,
    synchronised: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrival {
        to: SocketAddr,
        datagram: Vec<u8>,
    },
    Wake(SocketAddr),
    Synchronise {
        node: SocketAddr,
        uid: u64,
        times: u32,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            timing: Timing::lan(),
            keyring: Keyring::from_secrets(&["a secret that only this simulation has"])
                .expect("it is long enough"),
            latency: 200..=2_000,
            loss: 0.0,
            look_every: Duration::ZERO,
            synchronise: Some(Duration::from_secs(20)),
        }
    }
}

/// The address of the node with this number.
#[must_use]
pub fn node(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([10, 0, high, low], PORT))
}

impl Simulation {
    /// A network without nodes.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            rng: StdRng::seed_from_u64(options.seed),
            options,
            start: clock::now(),
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            queued: 0,
            nodes: BTreeMap::new(),
            uids: 0,
            sides: BTreeMap::new(),
            trace: DefaultHasher::new(),
            formation: Formation {
                id: ClusterId(0xc1 << 64),
                founded_at: EPOCH,
            },
        }
    }

    /// A cluster of nodes 1 to `size` that all know each other: the first forms it, the others join through it within
    /// the first second.
    ///
    /// # Panics
    ///
    /// If they are not one cluster within two minutes.
    #[must_use]
    pub fn cluster(size: u16, options: Options) -> Self {
        let mut simulation = Self::new(options);
        simulation.start_all(size);
        simulation
            .run_until(Duration::from_secs(120), |simulation| {
                simulation.agree(size.into())
            })
            .expect("a cluster forms within two minutes");
        simulation
    }

    /// Starts nodes 1 to `size` within a second of each other.
    pub fn start_all(&mut self, size: u16) {
        self.start_node(node(1), None);
        let mut offsets: Vec<u64> = (1..size)
            .map(|_| self.rng.random_range(0..1_000_000))
            .collect();
        offsets.sort_unstable();
        let begin = self.now;
        for (number, offset) in (2..=size).zip(offsets) {
            self.run_to(begin + Duration::from_micros(offset));
            self.start_node(node(number), Some(node(1)));
        }
    }

    /// Starts a process at an address. It forms the cluster, or joins it through a seed.
    pub fn start_node(&mut self, address: SocketAddr, seed: Option<SocketAddr>) {
        self.start_node_with_clock(address, seed, 0);
    }

    /// The same, with the process's clock behind by this many milliseconds at its start.
    pub fn start_node_with_clock(
        &mut self,
        address: SocketAddr,
        seed: Option<SocketAddr>,
        behind: u64,
    ) {
        self.uids += 1;
        let settings = Local {
            cluster: "simulated".parse::<ClusterName>().expect("it is a name"),
            gossip: address,
            management: SocketAddr::new(address.ip(), 7626),
            uid: NodeUid(self.uids),
            started_at: self.now().unix_millis - behind,
            roles: ["worker".to_owned()].into(),
            version: "0.1.0".to_owned(),
            zone: Some("eu-central-1a".to_owned()),
            keyring: self.options.keyring.clone(),
            timing: self.options.timing.clone(),
        };
        let entropy = Entropy::seeded(self.rng.random());
        let now = self.now();
        let mut gossip = Gossip::new(settings, entropy, now).expect("it says little of itself");
        match seed {
            None => gossip.found(self.formation, now),
            Some(seed) => gossip.join(self.formation, &[seed], now),
        }
        .expect("a new node is in no cluster");
        let members = Arc::clone(gossip.members());
        let node = Node {
            gossip,
            members,
            wake_at: None,
            looked_at: self.now,
            held_until: Duration::ZERO,
            log: Vec::new(),
            synchronised: false,
        };
        self.nodes.insert(address, node);
        self.after(address);
    }

    /// Ends a process without notice, as a crash does.
    pub fn kill(&mut self, address: SocketAddr) {
        self.nodes.remove(&address);
    }

    /// Stops a process for a while, as a busy machine may: it does nothing, and afterwards finds the datagrams that
    /// have arrived.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn hold_up(&mut self, address: SocketAddr, duration: Duration) {
        let node = self.nodes.get_mut(&address).expect("the node is running");
        node.held_until = self.now + duration;
    }

    /// Does something to a node.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn with<T>(&mut self, address: SocketAddr, act: impl FnOnce(&mut Gossip, Now) -> T) -> T {
        let now = self.now();
        let node = self.nodes.get_mut(&address).expect("the node is running");
        let result = act(&mut node.gossip, now);
        self.after(address);
        result
    }

    /// Cuts these nodes off from the others.
    pub fn partition(&mut self, cut_off: impl IntoIterator<Item = SocketAddr>) {
        self.split(cut_off.into_iter().map(|address| (address, 1)).collect());
    }

    /// Splits the network into as many sides as there are numbers; nodes that are not listed are on side 0.
    pub fn split(&mut self, sides: BTreeMap<SocketAddr, u8>) {
        self.sides = sides;
    }

    /// Ends a partition.
    pub fn heal(&mut self) {
        self.sides.clear();
    }

    /// Changes what seals the datagrams of nodes that start from now on.
    pub fn use_keyring(&mut self, keyring: Keyring) {
        self.options.keyring = keyring;
    }

    /// Changes what part of all datagrams is lost.
    pub fn lose(&mut self, part: f64) {
        self.options.loss = part;
    }

    /// Lets time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_to(self.now + duration);
    }

    /// Lets time pass until a condition holds, and returns how long that took: `None` if it took longer than the
    /// limit. Looks every 10 ms, or less often if the options say so.
    pub fn run_until(
        &mut self,
        limit: Duration,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Option<Duration> {
        let begin = self.now;
        while self.now <= begin + limit {
            if holds(self) {
                return Some(self.now - begin);
            }
            self.run_for(self.options.look_every.max(Duration::from_millis(10)));
        }
        None
    }

    /// What every running node sees.
    pub fn views(&mut self) -> impl Iterator<Item = &Arc<Members>> {
        self.nodes.values_mut().map(|node| node.gossip.members())
    }

    /// What a node sees.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn view(&mut self, address: SocketAddr) -> &Arc<Members> {
        let node = self.nodes.get_mut(&address).expect("the node is running");
        node.gossip.members()
    }

    /// Whether every running node sees this many members, all of them up and reachable.
    pub fn agree(&mut self, size: usize) -> bool {
        self.views().all(|view| {
            view.members.len() == size
                && view
                    .members
                    .values()
                    .all(|member| member.status == Status::Up && member.reachable)
        })
    }

    /// The events so far, as a node saw them.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    #[must_use]
    pub fn log(&self, address: SocketAddr) -> &[(Duration, Event)] {
        &self.nodes[&address].log
    }

    /// What a node has sent and received.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    #[must_use]
    pub fn traffic(&self, address: SocketAddr) -> &Traffic {
        self.nodes[&address].gossip.traffic()
    }

    /// The seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.options.seed
    }

    /// The running nodes.
    #[must_use]
    pub fn running(&self) -> BTreeSet<SocketAddr> {
        self.nodes.keys().copied().collect()
    }

    /// How long the simulation has run, in its own time.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now
    }

    /// Equal for two runs in which the same datagrams arrived at the same times.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.trace.finish()
    }

    /// The cluster that is simulated.
    #[must_use]
    pub fn formation(&self) -> Formation {
        self.formation
    }

    fn now(&self) -> Now {
        let millis = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        Now {
            instant: self.start + self.now,
            unix_millis: EPOCH + millis,
        }
    }

    fn run_to(&mut self, end: Duration) {
        while let Some(Reverse((at, ..))) = self.queue.peek()
            && *at <= end
        {
            let Some(Reverse((at, _, happening))) = self.queue.pop() else {
                break;
            };
            self.now = at;
            self.happen(happening);
        }
        self.now = end;
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now();
        match happening {
            Happening::Arrival { to, datagram } => {
                let Some(node) = self.nodes.get_mut(&to) else {
                    return;
                };
                if self.now < node.held_until {
                    let wait = node.held_until - self.now;
                    self.enqueue(wait, Happening::Arrival { to, datagram });
                    return;
                }
                (self.now, to, &datagram).hash(&mut self.trace);
                // A datagram from a stranger is only counted; nothing here depends on it.
                let _ = node.gossip.received(&datagram, now);
                self.after(to);
            }
            Happening::Wake(address) => {
                let Some(node) = self.nodes.get_mut(&address) else {
                    return;
                };
                // Outdated: of an earlier plan, or of a former process.
                if node.wake_at != Some(self.now) {
                    return;
                }
                if self.now <= node.held_until {
                    // Just after the datagrams that have arrived.
                    let wait = node.held_until - self.now + Duration::from_micros(1);
                    node.wake_at = Some(self.now + wait);
                    self.enqueue(wait, Happening::Wake(address));
                    return;
                }
                node.wake_at = None;
                node.gossip.elapsed(now);
                self.after(address);
            }
            Happening::Synchronise { node, uid, times } => self.synchronise(node, uid, times),
        }
    }

    fn synchronise(&mut self, address: SocketAddr, uid: u64, times: u32) {
        let now = self.now();
        let Some(node) = self.nodes.get_mut(&address) else {
            return;
        };
        let members = Arc::clone(node.gossip.members());
        if members.me.uid != NodeUid(uid) || members.me.status != Status::Up {
            return;
        }
        let peer = members
            .members
            .keys()
            .filter(|peer| **peer != address)
            .filter(|peer| self.sides.get(peer) == self.sides.get(&address))
            .choose(&mut self.rng);
        if let Some(peer) = peer
            && let Some(peer) = self.nodes.get_mut(peer)
            && let Ok(state) = peer.gossip.state(now)
        {
            self.with(address, |gossip, now| gossip.merge(&state, now))
                .expect("a member of the same cluster sealed it");
        }
        if let Some(period) = self.options.synchronise {
            // At first the next one follows soon: the member that was asked may have been new, too.
            let later = period.mul_f64(self.rng.random_range(0.5..1.5));
            let wait = Duration::from_secs(1 << times.min(10)).min(later);
            let again = Happening::Synchronise {
                node: address,
                uid,
                times: times + 1,
            };
            self.enqueue(wait, again);
        }
    }

    /// Sends a node's datagrams, wakes it when it wants, and records what has changed.
    fn after(&mut self, address: SocketAddr) {
        let Some(node) = self.nodes.get_mut(&address) else {
            return;
        };
        let mut datagrams = Vec::new();
        while let Some(datagram) = node.gossip.next_datagram() {
            datagrams.push(datagram);
        }
        let joined = node.looked_at + self.options.look_every <= self.now && node.look(self.now);
        let uid = node.members.me.uid.0;
        let wake_at = node
            .gossip
            .next_deadline()
            .map(|at| at.saturating_duration_since(self.start).max(self.now));
        let plan = wake_at.filter(|_| node.wake_at != wake_at);
        node.wake_at = wake_at;
        if let Some(at) = plan {
            self.enqueue(at - self.now, Happening::Wake(address));
        }
        if joined && self.options.synchronise.is_some() {
            // Two round trips: one to connect, one to ask.
            let wait = Duration::from_micros(4 * self.options.latency.end());
            let first = Happening::Synchronise {
                node: address,
                uid,
                times: 0,
            };
            self.enqueue(wait, first);
        }
        for (to, datagram) in datagrams {
            let latency = self.rng.random_range(self.options.latency.clone());
            let lost = self.options.loss != 0.0 && self.rng.random_bool(self.options.loss);
            if !lost && self.sides.get(&address) == self.sides.get(&to) {
                let arrival = Happening::Arrival { to, datagram };
                self.enqueue(Duration::from_micros(latency), arrival);
            }
        }
    }

    fn enqueue(&mut self, wait: Duration, happening: Happening) {
        self.queued += 1;
        self.queue
            .push(Reverse((self.now + wait, self.queued, happening)));
    }
}

impl Node {
    /// Records what has changed, and returns whether the node has just become a member.
    fn look(&mut self, now: Duration) -> bool {
        self.looked_at = now;
        let members = self.gossip.members();
        if !Arc::ptr_eq(members, &self.members) {
            let events = events(&self.members, members);
            self.log
                .extend(events.into_iter().map(|event| (now, event)));
            self.members = Arc::clone(members);
        }
        let up = self.members.me.status == Status::Up;
        up && !std::mem::replace(&mut self.synchronised, true)
    }
}
