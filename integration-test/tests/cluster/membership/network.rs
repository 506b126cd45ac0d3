//! The task and its socket over a simulated network stack: everything but the operating system.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, SystemTime},
};

use demo_node::{
    cluster::{ClusterId, Formation, NodeUid},
    membership::{self, Datagram, Departure, Environment, Handle, Local, Status, Timing},
    seal::Keyring,
};
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);
const PORT: u16 = 7355;
const EPOCH: u64 = 1_800_000_000_000;
const FORMATION: Formation = Formation {
    id: ClusterId(0xf1 << 64),
    founded_at: EPOCH,
};

/// The simulator's UDP socket.
struct Simulated(turmoil::net::UdpSocket);

impl Datagram for Simulated {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.send_to(datagram, to).await
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer).await
    }
}

/// A simulated network, and a way to look into the nodes on it.
struct Cluster {
    sim: turmoil::Sim<'static>,
    nodes: Rc<RefCell<BTreeMap<u8, Node>>>,
    trace: Vec<String>,
}

/// The present life of a node.
struct Node {
    handle: Handle,
    leave: CancellationToken,
    departure: Option<Departure>,
}

fn host(number: u8) -> String {
    format!("node-{number}")
}

fn unix_millis() -> u64 {
    let since = turmoil::since_epoch().expect("only nodes of a simulation ask");
    u64::try_from(since.as_millis()).unwrap()
}

async fn run(
    number: u8,
    seed: u64,
    nodes: Rc<RefCell<BTreeMap<u8, Node>>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let address = |number| SocketAddr::new(turmoil::lookup(host(number)), PORT);
    let node = address(number);
    let settings = Local {
        cluster: "simulated".parse()?,
        gossip: node,
        management: SocketAddr::new(node.ip(), 7626),
        uid: NodeUid(unix_millis() + u64::from(number)),
        started_at: unix_millis(),
        roles: ["worker".to_owned()].into(),
        version: "0.1.0".to_owned(),
        zone: None,
        keyring: Keyring::from_secrets(&["a secret that only this simulation has"])?,
        timing: Timing::lan(),
    };
    let socket = turmoil::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let seed = seed ^ settings.uid.0;
    let environment = Environment::simulated(seed, unix_millis);
    let (handle, driver) = membership::new(settings, Simulated(socket), environment)?;

    let restarted = nodes.borrow().contains_key(&number);
    let leave = CancellationToken::new();
    let life = Node {
        handle: handle.clone(),
        leave: leave.clone(),
        departure: None,
    };
    nodes.borrow_mut().insert(number, life);
    let follow = async {
        match number {
            1 if !restarted => handle.found(FORMATION).await?,
            1 => handle.join(FORMATION, vec![address(2)]).await?,
            _ => handle.join(FORMATION, vec![address(1)]).await?,
        }
        leave.cancelled().await;
        handle.leave().await;
        Ok::<(), membership::Refused>(())
    };
    let (departure, followed) = tokio::join!(driver.run(CancellationToken::new()), follow);
    followed?;
    if let Some(life) = nodes.borrow_mut().get_mut(&number) {
        life.departure = Some(departure?);
    }
    Ok(())
}

impl Cluster {
    /// Nodes 1 to `size`, started together, once they are one cluster.
    fn start(size: u8, seed: u64) -> Self {
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH))
            .simulation_duration(600 * SECOND)
            .tick_duration(Duration::from_millis(2))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(5))
            .build();
        let nodes = Rc::default();
        for number in 1..=size {
            let nodes = Rc::clone(&nodes);
            sim.host(host(number), move || run(number, seed, Rc::clone(&nodes)));
        }
        let mut cluster = Self {
            sim,
            nodes,
            trace: Vec::new(),
        };
        cluster.within(3 * SECOND, "one cluster", |cluster| {
            cluster.agree(1..=size, usize::from(size))
        });
        cluster
    }

    /// Lets time pass until something holds.
    #[track_caller]
    fn within(&mut self, limit: Duration, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begin = self.sim.elapsed();
        while !holds(self) {
            let views = self.trace.last();
            assert!(
                self.sim.elapsed() < begin + limit,
                "{what}: not within {limit:?}: {views:?}"
            );
            self.step();
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.sim.elapsed() + duration;
        while self.sim.elapsed() < end {
            self.step();
        }
    }

    fn step(&mut self) {
        self.sim.step().unwrap();
        let views: Vec<String> = self
            .nodes
            .borrow()
            .iter()
            .map(|(number, node)| {
                let members = node.handle.members();
                let members = members.borrow();
                let members = members.members.values().map(|member| {
                    let reachable = if member.reachable { "" } else { "?" };
                    format!(
                        "{} {} {}{reachable}",
                        member.gossip, member.uid, member.status
                    )
                });
                format!("{number}: {}", members.collect::<Vec<_>>().join(", "))
            })
            .collect();
        let views = views.join("; ");
        if self.trace.last().is_none_or(|last| !last.ends_with(&views)) {
            self.trace.push(format!("{:?} {views}", self.sim.elapsed()));
        }
    }

    /// Whether each of these nodes sees so many members, all up and reachable.
    fn agree(&self, mut nodes: impl Iterator<Item = u8>, size: usize) -> bool {
        nodes.all(|number| {
            self.nodes.borrow().get(&number).is_some_and(|node| {
                let members = node.handle.members();
                let members = members.borrow();
                members.members.len() == size
                    && members
                        .members
                        .values()
                        .all(|member| member.status == Status::Up && member.reachable)
            })
        })
    }

    /// What one node sees of another.
    fn sees(&self, observer: u8, number: u8) -> Option<membership::Member> {
        let node = SocketAddr::new(self.sim.lookup(host(number)), PORT);
        let members = self.nodes.borrow()[&observer].handle.members();
        let members = members.borrow();
        members.members.get(&node).cloned()
    }
}

/// Five nodes live through everything that may happen to a cluster. Returns the trace.
fn a_life(seed: u64) -> Vec<String> {
    let mut cluster = Cluster::start(5, seed);

    cluster.sim.crash(host(5));
    cluster.within(3 * SECOND, "seen unreachable", |cluster| {
        (1..5).all(|number| !cluster.sees(number, 5).unwrap().reachable)
    });
    cluster.within(7 * SECOND, "removed", |cluster| cluster.agree(1..5, 4));

    // A new process at the address of the dead one, and then at that of one that had just died.
    cluster.sim.bounce(host(5));
    cluster.within(3 * SECOND, "back", |cluster| cluster.agree(1..=5, 5));
    let former = cluster.sees(2, 4).unwrap();
    cluster.sim.crash(host(4));
    cluster.run_for(SECOND / 2);
    cluster.sim.bounce(host(4));
    cluster.within(3 * SECOND, "replaced", |cluster| {
        (1..=5).all(|number| {
            cluster
                .sees(number, 4)
                .is_some_and(|member| member.uid != former.uid && member.reachable)
        })
    });
    cluster.within(3 * SECOND, "all back", |cluster| cluster.agree(1..=5, 5));

    for one in [1, 2] {
        for other in [3, 4, 5] {
            cluster.sim.partition(host(one), host(other));
        }
    }
    cluster.within(15 * SECOND, "two halves", |cluster| {
        cluster.agree(1..=2, 2) && cluster.agree(3..=5, 3)
    });
    cluster.run_for(10 * SECOND);
    for one in [1, 2] {
        for other in [3, 4, 5] {
            cluster.sim.repair(host(one), host(other));
        }
    }
    cluster.within(10 * SECOND, "merged", |cluster| cluster.agree(1..=5, 5));

    cluster.nodes.borrow()[&1].leave.cancel();
    cluster.within(2 * SECOND, "left", |cluster| {
        cluster.agree(2..=5, 4) && cluster.nodes.borrow()[&1].departure == Some(Departure::Left)
    });
    cluster.trace
}

#[test]
fn a_cluster_lives_through_crashes_restarts_a_partition_and_a_departure() {
    for seed in 1..=2 {
        a_life(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_life() {
    assert_eq!(a_life(7), a_life(7));
}
