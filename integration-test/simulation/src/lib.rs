//! Clusters in virtual time: the code of the product, in a world that is drawn from a seed. The same seed is the same run.
//!
//! No processes, no sockets, no AWS: what these are like is for the tests in `integration-test/tests` and for `e2e` to see.
//!
//! - [`cold_start`]: the coordinators of a thousand nodes that start together, and what AWS grants them
//! - [`formations`]: the bootstrap's coordinator alone, in thousands of formations
//! - [`membership`]: the membership protocol alone, in large clusters
//! - [`whole_nodes`]: whole nodes, on simulated machines and a simulated network
//! - [`stranger`]: somebody without the key, who forges what can be forged

pub mod cold_start;
pub mod formations;
pub mod membership;
pub mod stranger;
pub mod whole_nodes;
