//! The pretended AWS account, and the end-to-end scenarios that run against it.
//!
//! Without the feature `scenarios` it is the account alone, which compiles without any AWS SDK.

#[cfg(feature = "scenarios")]
pub mod deploy;
#[cfg(feature = "scenarios")]
pub mod e2e;
#[cfg(feature = "scenarios")]
pub mod eventually;
#[cfg(feature = "scenarios")]
pub mod formations;
#[cfg(feature = "scenarios")]
pub mod measure;
#[cfg(feature = "scenarios")]
pub mod nodes;
pub mod region;
#[cfg(feature = "scenarios")]
pub mod scenarios;
#[cfg(feature = "scenarios")]
pub mod signals;
#[cfg(feature = "scenarios")]
pub mod simulation;
#[cfg(feature = "scenarios")]
pub mod stacks;
#[cfg(feature = "scenarios")]
pub mod stranger;
#[cfg(feature = "scenarios")]
pub mod templates;
#[cfg(feature = "scenarios")]
pub mod whole_nodes;
