//! Where log lines go: to standard error, as text for people or JSON for CloudWatch.
//!
//! Standard output is only for the answer of a command. Nothing here waits for a reader or a
//! disk, and nothing fails because of them: see [`Queue`].

use std::backtrace::{Backtrace, BacktraceStatus};

use tracing_subscriber::{EnvFilter, fmt};

use crate::log::Queue;

mod settings;

pub use settings::{Format, Settings};

/// Starts logging to the queue, with or without colours. Once per process; a second call changes nothing.
pub fn start(settings: &Settings, queue: &Queue, coloured: bool) {
    let queue = queue.clone();
    let builder = fmt()
        .with_env_filter(EnvFilter::new(&settings.filter))
        // It would print to standard error, and panic if that fails.
        .log_internal_errors(false)
        .with_writer(move || queue.clone());
    let started = match settings.format {
        Format::Text => builder.with_ansi(coloured).with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    match started {
        Ok(()) => std::panic::set_hook(Box::new(|panic| {
            let backtrace = Backtrace::capture();
            let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
            tracing::error!(
                backtrace = backtrace.map(tracing::field::display),
                "{panic}"
            );
        })),
        Err(error) => tracing::debug!(%error, "logging was started before"),
    }
}
