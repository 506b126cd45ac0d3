//! Why is there no cluster? What can be seen from here without changing anything, and what follows from it.
//!
//! [`gather`] asks: the metadata, AWS, each contact point. It founds nothing, joins nothing, binds no port of a node's, and
//! ends in bounded time. All else is plain: [`facts`] is what was seen, [`judge`] makes [`finding`]s of it,
//! [`needs`] says what AWS must allow, and [`report`] and [`json`] show it all.

pub mod calls;
pub mod facts;
pub mod finding;
pub mod gather;
pub mod json;
pub mod judge;
pub mod needs;
pub mod report;
mod wrap;
