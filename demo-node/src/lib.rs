//! A node that forms a cluster with the peers that AWS lists.
//!
//! The modules stand in the order that data flows; a module depends only on those above it.

pub mod clock;
pub mod cluster;
pub mod membership;
pub mod seal;
