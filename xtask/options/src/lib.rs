//! The options of `cargo xtask demo`, `e2e`, `deploy`, `status` and `destroy`.
//!
//! A separate crate, so that xtask rejects a wrong option before a build of ten minutes, not after it. Both xtask and
//! the programs that it builds use it. It depends only on clap.

pub mod demo;
pub mod deploy;
pub mod docker;
pub mod e2e;
