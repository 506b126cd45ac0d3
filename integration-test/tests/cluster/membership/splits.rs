//! For how long two sides of a split both think that they are the larger one: in virtual time, with the membership and
//! the coordinator of every node, splits of any shape, and a number of expected nodes that goes up meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use demo_node::{
    bootstrap::{
        ContactPoint, Process,
        coordinator::{self, Coordinator, Input, Output, Phase},
        expected::Told,
    },
    cluster::NodeUid,
    node::standing,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IteratorRandom};
use simulation::membership::{Options, Simulation, node};

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);

/// What ARCHITECTURE.md promises: the default of `membership.minority-after`, 5 s, and what it takes until the others are
/// seen unreachable.
const BOUND: Duration = Duration::from_secs(8);

/// What the platform tells who asks it.
#[derive(Debug, Clone, Copy)]
enum Platform {
    /// This number.
    Says(usize),
    /// Nothing: who is cut off from the others is cut off from it, too.
    IsCutOff,
}

struct Nodes {
    cluster: Simulation,
    coordinators: BTreeMap<SocketAddr, Coordinator>,
    sides: BTreeMap<SocketAddr, u8>,
    platform: BTreeMap<u8, Platform>,
    began: Instant,
    rng: SmallRng,
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the beginning"
)]
fn any_instant() -> Instant {
    Instant::now()
}

impl Nodes {
    /// Members of one cluster, of which all were told how many they are to be.
    fn together(size: u16, seed: u64) -> Self {
        let options = Options {
            seed,
            ..Options::default()
        };
        let mut cluster = Simulation::cluster(size, options);
        cluster.run_for(10 * SECOND);
        let began = any_instant();
        let coordinators = (1..=size).map(|number| {
            let address = node(number);
            (address, Coordinator::new(settings(address, number), began))
        });
        let mut nodes = Self {
            coordinators: coordinators.collect(),
            sides: BTreeMap::new(),
            platform: BTreeMap::from([(0, Platform::Says(size.into()))]),
            began,
            rng: SmallRng::seed_from_u64(seed),
            cluster,
        };
        let everyone: Vec<_> = nodes.coordinators.keys().copied().collect();
        for address in everyone {
            let told = Input::Told(Told::Nodes(size.into()));
            nodes.feed(address, told);
        }
        nodes
    }

    fn feed(&mut self, address: SocketAddr, input: Input) {
        let now = self.began + self.cluster.elapsed();
        let coordinator = self.coordinators.get_mut(&address).unwrap();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let outputs = coordinator.handle(now, 0, input, &mut self.rng);
            if outputs.contains(&Output::AskExpected) {
                let side = self.sides.get(&address).copied().unwrap_or_default();
                inputs.push(Input::Told(match self.platform.get(&side) {
                    Some(Platform::Says(number)) => Told::Nodes(*number),
                    Some(Platform::IsCutOff) | None => Told::Unanswered,
                }));
            }
        }
    }

    /// Lets a moment pass. On how many sides somebody thinks that it is not the smaller one.
    fn step(&mut self) -> usize {
        self.cluster.run_for(STEP);
        let running = self.cluster.running();
        let mut serving = BTreeSet::new();
        for address in running {
            let standing = standing::of(self.cluster.view(address));
            self.feed(address, Input::Standing(standing.unwrap()));
            let is_smaller = matches!(
                self.coordinators[&address].phase(),
                Phase::Member {
                    minority: Some(_),
                    ..
                }
            );
            if !is_smaller {
                serving.insert(self.sides.get(&address).copied().unwrap_or_default());
            }
        }
        serving.len()
    }
}

fn settings(address: SocketAddr, number: u16) -> coordinator::Settings {
    coordinator::Settings::defaults(Process {
        uid: NodeUid(number.into()),
        contact_point: ContactPoint(SocketAddr::new(address.ip(), 7626)),
        gossip: address,
    })
}

/// Splits a cluster in two or three, anyhow; and while it is split, the platform says the number to who reaches it: the
/// same, or any higher one. How long two sides served at once.
fn both_serve_for(size: u16, seed: u64) -> Duration {
    let mut nodes = Nodes::together(size, seed);
    for _ in 0..20 {
        nodes.step();
    }
    let sides = nodes.rng.random_range(2..=3_u8);
    for number in 1..=size {
        let side = nodes.rng.random_range(0..sides);
        nodes.sides.insert(node(number), side);
    }
    let all = usize::from(size);
    let number = if nodes.rng.random() {
        all
    } else {
        all + nodes.rng.random_range(1..=all)
    };
    let reached = (0..sides).choose(&mut nodes.rng);
    for side in 0..sides {
        let says = nodes.rng.random() || reached == Some(side);
        let platform = if says {
            Platform::Says(number)
        } else {
            Platform::IsCutOff
        };
        nodes.platform.insert(side, platform);
    }
    nodes.cluster.split(nodes.sides.clone());
    let (mut waited, mut both) = (Duration::ZERO, Duration::ZERO);
    while waited < 60 * SECOND {
        waited += STEP;
        if 1 < nodes.step() {
            both = waited;
        }
    }
    both
}

#[test]
#[expect(clippy::print_stdout, reason = "how long it was is part of the result")]
fn no_two_sides_of_a_split_serve_for_longer_than_the_bound() {
    for (sizes, seeds) in [(2..=5, 8), (6..=9, 3), (20..=20, 1)] {
        for size in sizes {
            let longest = (1..=seeds).map(|seed| {
                let both = both_serve_for(size, seed);
                assert!(both <= BOUND, "{size} nodes, seed {seed}: {both:?}");
                both
            });
            println!("{size} nodes: {:?} at most", longest.max());
        }
    }
}
