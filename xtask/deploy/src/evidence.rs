//! What a stack that has failed leaves to be looked at: gathered while it is there, and told to a person.
//!
//! - [`gather()`]: asks AWS
//! - [`lines()`]: finds the words, and guesses what it means

mod gather;
mod meaning;
mod telling;

pub use self::{
    gather::gather,
    telling::{Evidence, lines},
};
