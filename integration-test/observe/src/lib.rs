//! What all programs and tests here need that look at running nodes from outside: asking them over HTTP, waiting for
//! a state, and ending on a signal.
//!
//! It starts nothing, and knows neither AWS nor the expected state of a cluster.
//!
//! - [`http`]: one question to a management endpoint
//! - [`members`]: a node's answer about its cluster
//! - [`events`]: the events that it reports
//! - [`eventually`]: waiting for a state
//! - [`signals`]: the signals that ask a program to end

pub mod events;
pub mod eventually;
pub mod http;
pub mod members;
pub mod signals;
