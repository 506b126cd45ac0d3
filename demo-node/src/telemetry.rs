//! Where log lines go: to standard error, as text for people or JSON for CloudWatch.
//!
//! Standard output is left to what a command was asked for.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Starts logging. Once per process; a second call changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::new(&log.filter);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}
