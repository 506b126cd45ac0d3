//! The evidence of a failed stack: gathered while it exists, and shown to a person.
//!
//! - [`gather()`]: asks AWS
//! - [`lines()`]: puts it into words, and guesses the cause

mod gather;
mod meaning;
mod telling;

pub use self::{
    gather::gather,
    telling::{Evidence, lines},
};
