//! A cluster to play with: real nodes on this machine, and a page in the browser that shows them and takes commands.
//!
//! It does to nodes, AWS and the network what the scenarios do, through the same [`local`](crate::local).
//!
//! | where | what |
//! |---|---|
//! | `voice`, `remark`, `diary` | what a node says, what is new in it, and the timeline that this makes |
//! | `scene`, `headline`, `picture` | everything that is known, in a sentence, and as the page gets it |
//! | `command`, `allowed`, `trouble` | what can be done, and when |
//! | `scheduler`, `listed` | what ECS does by itself, and which tasks it describes |
//! | `step`, `story`, `teller` | the stories that run by themselves |
//! | `watcher` | asks all nodes repeatedly, at the same time |
//! | [`stage`] | the shell: starts, asks and ends the nodes |
//! | [`web`] | the page, for holders of the token |
//!
//! All except `listed`, `watcher` and the last two is plain data and functions.

mod allowed;
pub mod command;
mod diary;
mod headline;
mod listed;
mod picture;
mod remark;
mod scene;
mod scheduler;
pub mod stage;
mod step;
pub mod story;
mod teller;
#[cfg(test)]
mod testing;
pub mod trouble;
mod voice;
mod watcher;
pub mod web;
