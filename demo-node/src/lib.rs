//! A node that forms a cluster with the peers that AWS lists.
//!
//! The modules stand in the order that data flows; a module depends only on those above it.

// What everything uses.
pub mod clock;
pub mod cluster;
pub mod http;
pub mod log;
pub mod net;
pub mod seal;

// The stages.
pub mod bootstrap;
pub mod management;
pub mod membership;

// What puts them together.
pub mod cli;
pub mod config;
pub mod descriptors;
pub mod node;
pub mod telemetry;
