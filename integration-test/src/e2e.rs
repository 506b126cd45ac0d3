//! The end-to-end run: what it can be told, what nodes run on, and what it reports.
//!
//! What is shown, and what must hold, is in [`scenarios`](crate::scenarios).

pub mod ability;
pub mod aws;
pub mod deployment;
pub mod emulator;
pub mod estate;
pub mod fleet;
pub mod host;
pub mod https;
pub mod localstack;
pub mod ministack;
pub mod moto;
pub mod options;
pub mod python;
pub mod reader;
pub mod record;
pub mod report;
pub mod run;
pub mod service;
pub mod stage;
pub mod task_log;
mod template_text;
