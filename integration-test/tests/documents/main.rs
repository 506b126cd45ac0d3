//! What the documents have people type: each command is run by something, is one that its program takes, and answers in
//! the shape that is shown.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod commands;
mod figures;
mod files;
mod settings;
mod symptoms;
mod typed;
