//! The ECS methods: which tasks run, by service or by task set.
//!
//! `tasks` makes the calls: how many at once, and until when. The modules beside it decide, with plain functions,
//! what the answers mean.

mod address;
mod reading;
mod service;
mod settled;
mod task_set;
mod tasks;
mod verdict;

pub(crate) use service::Service;
pub(crate) use task_set::TaskSet;
