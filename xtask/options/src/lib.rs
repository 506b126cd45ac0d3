//! What `cargo xtask demo`, `e2e`, `deploy`, `status` and `destroy` can be told.
//!
//! A crate of its own, so that xtask refuses a wrong option before a build of ten minutes and not after it:
//! xtask needs it, and so do the programs that it builds. Nothing but clap is needed here.

pub mod demo;
pub mod deploy;
pub mod docker;
pub mod e2e;
