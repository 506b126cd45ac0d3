//! The names used if none are given.

/// The account number used if none is given.
pub const ACCOUNT_ID: &str = "123456789012";

/// The region used if none is given.
pub const REGION: &str = "eu-west-1";

/// The role of a task that names no other.
pub const TASK_ROLE: &str = "task-role";

/// The role of an instance that names no other.
pub const INSTANCE_ROLE: &str = "instance-role";
