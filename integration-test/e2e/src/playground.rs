//! A cluster to play with: real nodes on this machine, and a page in the browser that shows them and takes commands.
//!
//! What it does to nodes, AWS and the network is what the scenarios do, through the same [`local`](crate::local).
//!
//! | where | what |
//! |---|---|
//! | `voice`, `remark`, `diary` | what a node says, what is new in it, and the timeline that this makes |
//! | `scene`, `headline`, `picture` | all that is known, in a sentence, and as the page gets it |
//! | `command`, `allowed`, `trouble` | what can be done, and when |
//! | `scheduler`, `listed` | what ECS does by itself, and which tasks it describes |
//! | `step`, `story`, `teller` | the stories that tell themselves |
//! | `watcher` | asks the nodes what they say, all at once, again and again |
//! | [`stage`] | the shell: starts, asks and ends the nodes |
//! | [`web`] | the page, for who has the token |
//!
//! All but `listed`, `watcher` and the last two is plain data and functions.

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
