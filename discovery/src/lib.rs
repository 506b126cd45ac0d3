//! Who else is here? Asks the AWS API for the peers of a clustered service.
//!
//! One [`Discovery`] is made from [`config::Settings`]; each [`Discovery::lookup`] answers with
//! [`Resolved`]: the targets, whether the view is [`Completeness::Complete`], and what was dropped
//! and why.
//! The crate knows nothing of clusters, keeps no background task and never retries by itself:
//! when to ask again is the caller's decision.
#![warn(missing_docs)]
#![cfg_attr(
    not(any(feature = "ec2", feature = "ecs")),
    expect(
        dead_code,
        unused_variables,
        reason = "a fixed list needs little of this"
    )
)]

#[cfg(any(feature = "ec2", feature = "ecs"))]
mod client;
pub mod config;
mod discovery;
#[cfg(feature = "ec2")]
mod ec2;
#[cfg(feature = "ecs")]
mod ecs;
mod error;
mod lookup;
mod own;
mod tally;

pub use discovery::{DEFAULT_RESOLVE_TIMEOUT, Discovery};
pub use error::{Attempt, Cause, Error, MetadataProblem, Remedy};
pub use lookup::{
    Calls, Completeness, DropReason, Dropped, Lookup, PartialReason, Resolved, Target,
};
pub use own::{AddressSource, Candidate, Judgement, OwnAddress, container_address};
pub use tally::Outcome;

/// Its example is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
