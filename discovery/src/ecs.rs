//! The ECS methods: which tasks run, by service or by task set.
//!
//! `tasks` makes the calls: how many of them at once, and when time is up. What their answers mean is
//! decided in the modules beside it, by plain functions.

mod address;
mod reading;
mod service;
mod settled;
mod task_set;
mod tasks;
mod verdict;

pub(crate) use service::Service;
pub(crate) use task_set::TaskSet;
