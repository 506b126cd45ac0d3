//! The stacks of a cluster in an account: deployed, shown and destroyed.
//!
//! What `cargo xtask deploy`, `status` and `destroy` do; not a part of any test but the emulator's.

pub mod account;
pub mod destroy;
pub mod image;
pub mod options;
pub mod plan;
pub mod put;
pub mod status;
pub(crate) mod terminal;
