//! A node that forms a cluster with the peers that AWS lists.
//!
//! The modules are in the order in which data flows. No file imports a file that imports it.
//!
//! To add a setting: add a line to the `settings!` of its stage, in the stage's `settings.rs` (`config/discovery.rs`
//! for a discovery method, `config/bootstrap.rs` for the bootstrap), and use it in the stage. Its flag, its variable,
//! its key in the file and its line in `--help` come from that line; a test checks that its default is valid.

// The stage that is a separate library, and what it shares with the others.
pub use ::bootstrap::{self, clock, cluster, http, seal};

// What everything uses.
pub mod log;
pub mod net;

// The other stages.
pub mod management;
pub mod membership;

// What puts them together.
pub mod cli;
pub mod config;
pub mod descriptors;
pub mod doctor;
pub mod node;
pub mod telemetry;
