//! A run as one page for people: what each node did and saw over time, what was waited for meanwhile, and what AWS was asked.
//!
//! Nothing is asked of a node for it. What nodes have logged is read when the run is over, beside what was noted while it went
//! on: what was done to nodes, the steps of the scenarios, the calls that the simulated region has had.
//!
//! | where | what |
//! |---|---|
//! | [`lines`] | what a node has logged |
//! | [`phases`] | what a line says of the node's way into a cluster and out of it |
//! | [`lanes`] | lines and notes become the lane of a node |
//! | [`model`] | what the page is told |
//! | [`gather`] | a report and its logs become that |
//! | [`page`] | the page |

pub mod gather;
pub mod lanes;
pub mod lines;
pub mod model;
pub mod page;
pub mod phases;
