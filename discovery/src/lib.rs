//! Who else is here? Asks the AWS API for the peers of a clustered service.
//!
//! One [`Discovery`] is made from [`config::Settings`]; each [`Discovery::lookup`] answers with
//! [`Resolved`]: the targets, whether the view is [`Completeness::Complete`], and what was dropped
//! and why.
//! The crate does not know clusters, has no background task, and does not repeat failed calls, unless [told
//! to](OnThrottle): the caller decides when to ask again, also with [`Discovery::watch`].
//!
//! ```no_run
//! use discovery::{DEFAULT_RESOLVE_TIMEOUT, Discovery, Lookup, config::{Ecs, Settings}};
//!
//! # async fn example() -> Result<(), discovery::Error> {
//! let discovery = Discovery::new(Settings::Ecs(Ecs::in_cluster("prod"))).await?;
//! let resolved = discovery.lookup(&Lookup::new("orders"), DEFAULT_RESOLVE_TIMEOUT).await?;
//! println!("{} peers, {}", resolved.targets.len(), resolved.completeness);
//! # Ok(())
//! # }
//! ```
//!
//! The crate's README has the settings of each method, the IAM policy that each needs, the meaning of every error,
//! and the cost of a lookup. [`container_address`] gives the caller's own address.
//
// To add a method: add its name and settings in `config.rs` (`MethodName`, `Settings`), a module with its calls and
// its judgement of the answers, and its variant of `Method` in `discovery.rs`.
#![warn(missing_docs)]
#![cfg_attr(
    not(any(feature = "ec2", feature = "ecs")),
    expect(
        dead_code,
        unused_variables,
        reason = "a fixed list needs little of this"
    )
)]

mod budget;
#[cfg(any(feature = "ec2", feature = "ecs"))]
mod client;
pub mod config;
mod discovery;
#[cfg(feature = "ec2")]
mod ec2;
#[cfg(feature = "ecs")]
mod ecs;
mod error;
mod expected;
mod lookup;
mod own;
mod owner;
#[cfg(any(feature = "ec2", feature = "ecs"))]
mod patience;
mod tally;
mod text;
mod watch;

#[cfg(any(feature = "ec2", feature = "ecs"))]
pub use aws_smithy_http_client::Connector;
#[cfg(any(feature = "ec2", feature = "ecs"))]
pub use aws_smithy_runtime_api::client::http::SharedHttpClient;
#[cfg(any(feature = "ec2", feature = "ecs"))]
pub use client::{http_client, http_connector};
pub use discovery::{DEFAULT_RESOLVE_TIMEOUT, Discovery};
pub use error::{Attempt, Cause, Error, MetadataProblem, Remedy};
pub use expected::{ExpectedNodes, WhyUnknown};
pub use futures::Stream;
pub use lookup::{
    Calls, Completeness, DropReason, Dropped, Extent, Lookup, Missing, OnThrottle, PartialReason,
    Resolved, Target,
};
pub use own::{AddressSource, Candidate, Judgement, OwnAddress, container_address};
pub use owner::Owner;
pub use tally::Outcome;
pub use text::{Chain, LONGEST_CHAIN, excerpt};
pub use watch::{Change, Changes, LastComplete, Pace, View, Watch};

/// The README's example is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
