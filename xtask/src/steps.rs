//! The steps of a command: announced, timed, and summarised at the end.
//!
//! A failed step does not stop the next one: one run shows everything that must be corrected.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::bail;

/// What has been run so far.
#[derive(Debug)]
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    name: &'static str,
    took: Duration,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    error: anyhow::Error,
    remedy: &'static str,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self {
            started: now(),
            done: Vec::new(),
        }
    }

    /// Runs one step. `remedy` says what to do if it fails.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        remedy: &'static str,
        step: impl FnOnce() -> anyhow::Result<()>,
    ) {
        eprintln!("\n==> {name}");
        let started = now();
        let failure = step().err().map(|error| Failure { error, remedy });
        let done = Done {
            name,
            took: started.elapsed(),
            failure,
        };
        eprintln!("{done}");
        self.done.push(done);
    }

    /// Prints how every step ended; returns an error if one failed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        eprintln!(
            "\n==> all steps, {:.1} s",
            self.started.elapsed().as_secs_f64()
        );
        for done in &self.done {
            eprintln!("{done}");
        }

        let failed: Vec<_> = self
            .done
            .iter()
            .filter(|done| done.failure.is_some())
            .map(|done| done.name)
            .collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match &self.failure {
            None => "ok",
            Some(_) => "FAILED",
        };
        write!(
            f,
            "    {verdict:<6} {:<13} {:>6.1} s",
            self.name,
            self.took.as_secs_f64()
        )?;
        if let Some(Failure { error, remedy }) = &self.failure {
            write!(f, "\n           {error:#}\n           to do: {remedy}")?;
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "these times are shown to a person; nothing is decided by them"
)]
fn now() -> Instant {
    Instant::now()
}
