//! Thousands of formations in virtual time, each different and each repeatable from its seed.
//!
//! The bootstrap's real coordinator runs in every simulated node; AWS, the network and the
//! membership around it are models that misbehave as the seed has it: lists are stale, partial or
//! fail, tasks start late, crash and come back at the same address or another, messages are lost,
//! delayed, repeated and reordered, and the network splits. Then the faults end, and what must hold
//! is looked at: how many clusters were ever started, and whether all who live are in one.
//!
//! Two promises are tested, each with the faults that it covers (see ARCHITECTURE.md):
//! [`Promise::Expected`] and [`Promise::Unknown`].

mod faults;
mod hosts;
mod run;
#[cfg(test)]
mod tests;
mod world;

pub use faults::{Faults, Mutation, Promise};
pub use run::{Injected, Run};

/// Runs one formation.
#[must_use]
pub fn run(seed: u64, promise: Promise, mutation: Mutation) -> Run {
    world::World::new(seed, promise, mutation).run()
}
