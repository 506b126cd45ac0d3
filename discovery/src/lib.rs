//! Who else is here? Asks the AWS API for the peers of a clustered service.
//!
//! One [`Discovery`] is made from [`config::Settings`]; each [`Discovery::lookup`] answers with
//! [`Resolved`]: the targets, whether the view is [`Completeness::Complete`], and what was dropped
//! and why.
//! The crate knows nothing of clusters, keeps no background task and never retries by itself:
//! when to ask again is the caller's decision.
#![warn(missing_docs)]

pub mod config;
mod error;
mod lookup;

pub use error::{Error, Remedy};
pub use lookup::{
    Calls, Completeness, Discovery, DropReason, Dropped, Lookup, PartialReason, Resolved, Target,
};
