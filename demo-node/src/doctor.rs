//! Why is there no cluster? What can be seen from here without changing anything, and the conclusions.
//!
//! [`gather`] asks: the metadata, AWS, each contact point. It founds nothing, joins nothing, does not bind a node's
//! ports, and ends in limited time. Everything else is plain: [`facts`] is what was seen, [`judge`] makes
//! [`finding`]s from it, [`needs`] says what AWS must allow, and [`report`] and [`json`] show all of it.

pub mod calls;
pub mod facts;
pub mod finding;
pub mod gather;
pub mod json;
pub mod judge;
pub mod needs;
pub mod report;
mod wrap;
