//! The end-to-end run: what it can be told, what nodes run on, and what it reports.
//!
//! What is shown, and what must hold, is in [`scenarios`](crate::scenarios).

pub mod deployment;
pub mod emulator;
pub mod fleet;
pub mod host;
pub mod ministack;
pub mod moto;
pub mod options;
pub mod python;
pub mod record;
pub mod report;
pub mod run;
pub mod service;
pub mod stage;
mod template_text;
