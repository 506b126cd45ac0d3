//! The demo-node program against the simulated region: what it prints, when it refuses to go on, and
//! what it never does whatever the region says. Each node is a process with an address of its own.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod asking;
mod deploying;
mod descriptors;
mod doctor;
mod ending;
mod environment;
mod examples;
mod foreign_text;
mod founding;
mod looking;
mod minority;
mod outputs;
mod proxies;
mod reporting;
mod roles;
mod secrets;
mod stranger;
mod support;
