//! Thousands of formations in virtual time, each different and each repeatable from its seed.
//!
//! Every simulated node runs the bootstrap's real coordinator; AWS, the network and the membership around it are
//! models whose faults come from the seed: lists are stale or partial, lookups fail, tasks start late, crash and come
//! back at the same address or another, messages are lost, delayed, repeated and reordered, and the network splits.
//! Then the faults end, and the run is checked: how many clusters were ever formed, and whether all living nodes are
//! in one.
//!
//! Two promises are tested, each with the faults that it covers (see ARCHITECTURE.md):
//! [`Promise::Expected`] and [`Promise::Unknown`].

use rand::rngs::SmallRng;

mod faults;
mod hosts;
mod run;
#[cfg(test)]
mod tests;
mod world;

pub use faults::{Adverse, Faults, Lists, Mutation, Promise};
pub use run::{Injected, Run};

/// Runs one formation.
#[must_use]
pub fn run(seed: u64, promise: Promise, mutation: Mutation) -> Run {
    let draw = |rng: &mut SmallRng| Faults::draw(promise, rng);
    world::World::new(seed, draw, mutation).run()
}

/// Runs one formation in which something stays wrong.
#[must_use]
pub fn run_adverse(seed: u64, adverse: Adverse) -> Run {
    let draw = |rng: &mut SmallRng| Faults::draw_adverse(adverse, rng);
    world::World::new(seed, draw, Mutation::None).run()
}

/// Runs one formation, and then starts as many nodes again, as in a blue/green deployment.
#[must_use]
pub fn run_fleets(seed: u64, lists: Lists) -> Run {
    let draw = |rng: &mut SmallRng| Faults::draw_fleets(lists, rng);
    world::World::new(seed, draw, Mutation::None).run()
}
