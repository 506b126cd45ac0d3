//! CloudFormation stacks: created or changed while what happens is told, and deleted.
//!
//! Leaves alone whatever it has not created itself: each of its stacks carries a tag.
//! What is done with a stack of which state is decided in [`step`](crate::step).
//!
//! - `calls`: asks CloudFormation
//! - `changes`, `effects`, `pending`: asks what would be done, what that means, and what of it is left to be thrown away
//! - `following`: waits for the end of what goes on
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
