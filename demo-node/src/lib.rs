//! A node that forms a cluster with the peers that AWS lists.
//!
//! The modules stand in the order that data flows. No file imports one that imports it.
//!
//! To add a setting: a line in the `settings!` of its stage, in the stage's `settings.rs` (`config/discovery.rs`
//! for a setting of a discovery method, `config/bootstrap.rs` for one of the bootstrap), and where the stage uses it. Its flag, its variable, its key in the file
//! and its line in `--help` follow; a test wants it valid by default.

// The stage that is a library of its own, and what it shares with the others.
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
