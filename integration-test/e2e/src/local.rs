//! Nodes are processes or containers of this machine, and AWS is simulated in this process.
//!
//! A scenario starts [`fleet`]s of ECS tasks in its own [`sandbox`], or single nodes; a [`runtime`] runs them, and a
//! [`chronicle`] records what happened. The account of a sandbox is [`pretended`]; for scenarios that only need
//! [`ec2`] it may be an emulator's.

pub mod chronicle;
pub mod ec2;
pub mod fleet;
pub mod pretended;
pub mod runtime;
pub mod sandbox;
