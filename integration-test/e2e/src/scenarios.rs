//! What the product promises, shown with real nodes.
//!
//! A scenario says what AWS lists and what happens to nodes, and waits for what must follow.
//! How nodes come to run is the business of [`deployment`](crate::deployment).

pub mod dead_node;
mod decoys;
pub mod ec2_ports;
pub mod ec2_tag;
pub mod ecs_service;
pub mod ecs_tags;
pub mod ecs_task_set;
pub(crate) mod expect;
pub mod failure;
pub mod flaky_api;
pub mod least_privilege;
pub mod merge;
pub mod partition;
pub mod rolling;
pub mod scale;
pub mod stack;
mod views;
