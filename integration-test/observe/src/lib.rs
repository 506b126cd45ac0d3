//! What every program and test here needs that looks at running nodes from outside: asking them over HTTP,
//! waiting for a state, and ending when it is asked to.
//!
//! Starts nothing, and knows neither AWS nor what is expected of a cluster.
//!
//! - [`http`]: one question to a management endpoint
//! - [`members`]: what nodes answer about their cluster
//! - [`events`]: what they say happens in it
//! - [`eventually`]: waiting for a state
//! - [`signals`]: the signals that ask a program to end

pub mod events;
pub mod eventually;
pub mod http;
pub mod members;
pub mod signals;
