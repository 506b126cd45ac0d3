//! A few nodes and a network between them, for the tests of this module: no sockets, no waiting.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    environment::{Entropy, Now},
    gossip::Gossip,
    local::{Local, Timing},
    members::{Member, Members, Status},
};
use crate::{
    clock,
    cluster::{ClusterId, Formation, NodeUid},
    seal::Keyring,
};

pub(super) const SECRET: &str = "a secret that only the tests have";

/// How long a datagram travels, and how often nodes are looked after.
const TICK: Duration = Duration::from_millis(1);

/// When tests begin: milliseconds since 1970.
const EPOCH: u64 = 1_800_000_000_000;

pub(super) fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 7355))
}

pub(super) fn formation(id: u128) -> Formation {
    Formation {
        id: ClusterId(id << 64),
        founded_at: EPOCH,
    }
}

/// What the node at this address is told about itself, in its first life.
pub(super) fn settings(last: u8) -> Local {
    Local {
        cluster: "orders".parse().unwrap(),
        gossip: address(last),
        management: SocketAddr::from(([10, 0, 0, last], 7626)),
        uid: NodeUid(last.into()),
        started_at: EPOCH + u64::from(last),
        roles: ["worker".to_owned()].into(),
        version: "0.1.0".to_owned(),
        zone: Some("eu-central-1a".to_owned()),
        keyring: Keyring::from_secrets(&[SECRET]).unwrap(),
        timing: Timing::lan(),
    }
}

/// Nodes by the last number of their address.
#[derive(Debug)]
pub(super) struct Net {
    start: Instant,
    elapsed: Duration,
    nodes: BTreeMap<SocketAddr, Gossip>,
    flying: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Nodes that nothing reaches, and from which nothing gets out.
    pub(super) cut_off: BTreeSet<SocketAddr>,
    /// How often timers have woken some node.
    pub(super) wakeups: usize,
    /// Everything that was sent, if the test asks for it.
    pub(super) overheard: Option<Vec<(SocketAddr, Vec<u8>)>>,
}

impl Net {
    pub(super) fn new() -> Self {
        Self {
            start: clock::now(),
            elapsed: Duration::ZERO,
            nodes: BTreeMap::new(),
            flying: VecDeque::new(),
            cut_off: BTreeSet::new(),
            wakeups: 0,
            overheard: None,
        }
    }

    /// Nodes 1 to `size` that are one cluster.
    pub(super) fn cluster(size: u8) -> Self {
        let mut net = Self::new();
        for last in 1..=size {
            net.start(settings(last));
        }
        net.act(1, |node, now| node.found(formation(1), now))
            .unwrap();
        for last in 2..=size {
            net.act(last, |node, now| {
                node.join(formation(1), &[address(1)], now)
            })
            .unwrap();
        }
        net.run(Duration::from_secs(2));
        assert!((1..=size).all(|last| net.view(last).up().count() == usize::from(size)));
        net
    }

    pub(super) fn start(&mut self, settings: Local) {
        let node = settings.gossip;
        let entropy = Entropy::seeded(settings.uid.0);
        let gossip = Gossip::new(settings, entropy, self.now()).unwrap();
        self.nodes.insert(node, gossip);
    }

    pub(super) fn kill(&mut self, last: u8) {
        self.nodes.remove(&address(last));
    }

    pub(super) fn now(&self) -> Now {
        Now {
            instant: self.start + self.elapsed,
            unix_millis: EPOCH + u64::try_from(self.elapsed.as_millis()).unwrap(),
        }
    }

    pub(super) fn act<T>(&mut self, last: u8, act: impl FnOnce(&mut Gossip, Now) -> T) -> T {
        let now = self.now();
        act(self.nodes.get_mut(&address(last)).unwrap(), now)
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        while self.elapsed < end {
            self.elapsed += TICK;
            let now = self.now();
            for (to, datagram) in std::mem::take(&mut self.flying) {
                if let Some(node) = self.nodes.get_mut(&to) {
                    // What is rejected is counted, and asked for by the tests that care.
                    let _ = node.received(&datagram, now);
                }
            }
            for (from, node) in &mut self.nodes {
                if node.next_deadline().is_some_and(|at| at <= now.instant) {
                    self.wakeups += 1;
                    node.elapsed(now);
                }
                while let Some((to, datagram)) = node.next_datagram() {
                    if let Some(overheard) = &mut self.overheard {
                        overheard.push((to, datagram.clone()));
                    }
                    if !self.cut_off.contains(from) && !self.cut_off.contains(&to) {
                        self.flying.push_back((to, datagram));
                    }
                }
            }
        }
    }

    /// Lets time pass until something holds.
    pub(super) fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&mut Self) -> bool) {
        let end = self.elapsed + limit;
        while !holds(self) {
            assert!(self.elapsed < end, "not within {limit:?}: {self:#?}");
            self.run(10 * TICK);
        }
    }

    pub(super) fn view(&mut self, last: u8) -> Members {
        self.act(last, |node, _| Members::clone(node.members()))
    }

    /// How one node sees another.
    pub(super) fn sees(&mut self, observer: u8, last: u8) -> Option<Member> {
        self.view(observer).members.remove(&address(last))
    }

    pub(super) fn status(&mut self, last: u8) -> Status {
        self.view(last).me.status
    }
}
