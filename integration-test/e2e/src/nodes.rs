//! Nodes as processes or containers on this machine: their addresses, their lives, and what they say over HTTP.
//!
//! Knows neither AWS nor what a scenario expects.

pub mod addresses;
pub mod clock;
pub mod docker;
pub mod group;
pub mod ipv6;
pub mod life;
pub mod node;
pub mod process;
pub mod relay;
pub mod settings;
