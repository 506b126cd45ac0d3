//! Tests that talk to the simulated region through the real AWS clients.
//! They need neither an account nor Docker, and they start no processes.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod address_family;
mod clients;
mod cost;
mod ec2;
mod ecs;
mod endless;
mod errors;
mod expected_on_ec2;
mod extent;
mod fuzz;
mod own;
mod plain;
mod promises;
mod readme;
mod region;
mod roles;
mod second_opinion;
mod services;
mod support;
mod task_set;
mod watch;
