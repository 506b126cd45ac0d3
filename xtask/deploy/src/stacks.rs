//! CloudFormation stacks: created, changed and deleted, while the events are printed.
//!
//! Does not touch stacks that it has not created itself: each of its stacks has a tag. [`step`](crate::step) decides
//! what to do with a stack in each state.
//!
//! - `calls`: asks CloudFormation
//! - `changes`, `effects`, `pending`: ask what would be done, what that means, and which change sets remain to be
//!   deleted
//! - `following`: waits for the end of an operation
//! - `putting`: creates, changes and deletes
//! - `history`, `pace`, `stack`, `error`: what events say, how often to ask, what there is, what can go wrong

mod calls;
mod changes;
mod effects;
mod error;
mod following;
mod history;
mod pace;
mod pending;
mod putting;
mod stack;

pub(crate) use self::error::refused;
pub use self::{
    calls::Stacks,
    changes::{Preparation, Prepared},
    effects::{Action, Effect, consequences, lines},
    error::{Passing, StackError},
    history::{Cause, Failure},
    pending::Pending,
    putting::{Executed, Ready},
    stack::{Stack, Wanted},
};
