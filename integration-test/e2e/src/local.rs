//! AWS is pretended in this process, and nodes are processes or containers of this machine.
//!
//! A scenario starts [`fleet`]s of ECS tasks in its own [`sandbox`], or single nodes; a [`runtime`] runs them,
//! and a [`chronicle`] keeps what happened.

pub mod chronicle;
pub mod fleet;
pub mod runtime;
pub mod sandbox;
