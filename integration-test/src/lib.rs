//! The pretended AWS account, and the end-to-end scenarios that run against it.

pub mod deploy;
pub mod e2e;
pub mod eventually;
pub mod formations;
pub mod measure;
pub mod nodes;
pub mod region;
pub mod scenarios;
pub mod signals;
pub mod simulation;
pub mod stacks;
pub mod templates;
pub mod whole_nodes;
