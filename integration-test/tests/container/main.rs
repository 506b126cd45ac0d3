//! The stacks, deployed to emulators by the program that deploys them to AWS: what it says, and what it leaves behind.
//!
//! They need Docker on this very machine, the image `demo-node:latest`, and PyPI once.
//! Not in the default profile of nextest: `cargo xtask test` runs them where Docker answers.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod compose;
mod image;
mod instances;
mod program;
mod runs;
mod tasks;
mod traces;
