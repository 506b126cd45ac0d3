//! The pretended AWS account, and the end-to-end scenarios that run against it.

pub mod region;
