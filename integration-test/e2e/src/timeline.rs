//! A run as one page for people: what each node did and saw over time, the scenarios' steps, and the calls to AWS.
//!
//! No node is asked for it. The nodes' logs are read at the end of the run, together with notes that were made during
//! it: what was done to nodes, the steps of the scenarios, the calls to the simulated region.
//!
//! | where | what |
//! |---|---|
//! | [`lines`] | what a node has logged |
//! | [`phases`] | what a line says of the node's way into a cluster and out of it |
//! | [`lanes`] | makes a node's lane from lines and notes |
//! | [`model`] | the data of the page |
//! | [`gather`] | makes this data from a report and its logs |
//! | [`page`] | the page |

pub mod gather;
pub mod lanes;
pub mod lines;
pub mod model;
pub mod page;
pub mod phases;
