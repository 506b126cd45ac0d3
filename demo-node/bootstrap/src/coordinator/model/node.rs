//! One process: its coordinator, and its time.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use rand::{SeedableRng, rngs::SmallRng};

use super::super::*;
use crate::clocks::Skew;

/// A coordinator. Two are equal if their `Debug` output is equal, since it contains all of their state.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) coordinator: Arc<Coordinator>,
    pub(super) now: Instant,
    /// Which others it hears, as bits.
    pub(super) heard: u8,
    /// The number that it will be told to expect.
    pub(super) untold: Option<usize>,
    /// The state when it was last recorded, and the hash of its `Debug` output.
    noted: Option<(Arc<Coordinator>, u64)>,
}

pub(super) fn process(number: usize) -> Process {
    let last = u8::try_from(number).unwrap();
    Process {
        uid: NodeUid(number as u64),
        contact_point: ContactPoint(([10, 0, 0, last], 7626).into()),
        gossip: ([10, 0, 0, last], 7355).into(),
    }
}

pub(super) fn process_that_gossips_at(seed: std::net::SocketAddr) -> usize {
    (0..usize::from(u8::MAX))
        .find(|number| process(*number).gossip == seed)
        .unwrap()
}

// === impl Node ===

impl Node {
    pub(super) fn new(number: usize, began: Instant, expected: usize, heard: u8) -> Self {
        let mut settings = Settings::defaults(process(number));
        settings.expectation = Expectation::Asking;
        // Answers that the others gave once count for ever.
        settings.rules.probing_failure_timeout = Duration::from_hours(1);
        Self {
            coordinator: Arc::new(Coordinator::new(settings, began)),
            now: began,
            heard,
            untold: Some(expected),
            noted: None,
        }
    }

    /// It is told how many nodes are expected.
    pub(super) fn tell(&mut self) -> Vec<Output> {
        let number = self.untold.take();
        number.map_or_else(Vec::new, |number| {
            self.handle(Input::Told(Told::Nodes(number)))
        })
    }

    /// Records the coordinator's current state, for comparing.
    pub(super) fn note(&mut self) {
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

    pub(super) fn handle(&mut self, input: Input) -> Vec<Output> {
        let coordinator = Arc::make_mut(&mut self.coordinator);
        // Randomness may give any value, but always the same one in the same state.
        let seed = coordinator.settings.rules.me.uid.0 * 1_000 + coordinator.round;
        let mut rng = SmallRng::seed_from_u64(seed);
        coordinator.handle(self.now, 0, input, &mut rng)
    }

    pub(super) fn cluster(&self) -> Option<Formation> {
        match &self.coordinator.stage {
            Stage::Watching(watching) => Some(watching.formation),
            _ => None,
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

/// What a process answers to a probe.
pub(super) fn answer(number: usize, node: &Node) -> Answer {
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

/// It is alone in it, but can let others in.
pub(super) fn member(number: usize, formation: Formation) -> Standing {
    Standing::member(formation, process(number), [], false)
}
