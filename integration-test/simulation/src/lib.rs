//! Clusters in virtual time: the product's code in a world that is drawn from a seed. The same seed gives the same
//! run.
//!
//! No processes, no sockets, no AWS: the tests in `integration-test/tests` and `e2e` cover those.
//!
//! - [`cold_start`]: the coordinators of a thousand nodes that start together, and the calls that AWS grants them
//! - [`formations`]: the bootstrap's coordinator alone, in thousands of formations
//! - [`membership`]: the membership protocol alone, in large clusters
//! - [`whole_nodes`]: whole nodes, on simulated machines and a simulated network
//! - [`stranger`]: an attacker without the key, who forges what can be forged

pub mod cold_start;
pub mod formations;
pub mod membership;
pub mod stranger;
pub mod whole_nodes;
