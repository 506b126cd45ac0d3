//! The end-to-end run: real nodes form clusters, and are watched from outside.
//!
//! The product's promises are [`scenarios`]. Here is also what they run on, what is reported, and what can be measured.
//! What is pretended of AWS is in the crate `region`; what is deployed to emulators and to AWS, in the crate `deploy`.

pub mod ability;
pub mod aws;
pub mod deployment;
pub mod emulator;
pub mod estate;
pub mod fleet;
pub mod host;
pub mod https;
pub mod localstack;
pub mod measure;
pub mod ministack;
pub mod moto;
pub mod nodes;
pub mod progress;
pub mod python;
pub mod reader;
pub mod record;
pub mod report;
pub mod run;
pub mod scenarios;
pub mod service;
pub mod stage;
pub mod task_log;
