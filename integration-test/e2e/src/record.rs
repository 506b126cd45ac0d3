//! What a scenario saw, step by step, told while it happens.

use std::{cell::RefCell, fmt, future::Future, time::Duration};

use anyhow::Context;
use tokio::time::Instant;

use crate::progress::progress;

/// The steps of one scenario so far.
#[derive(Debug)]
pub struct Record {
    scenario: String,
    run_started: Instant,
    steps: RefCell<Vec<Step>>,
}

/// Something that was seen, and how long it took to come about.
#[derive(Debug, Clone)]
pub struct Step {
    /// A sentence.
    pub what: String,
    /// From when it was waited for.
    pub took: Duration,
}

impl Record {
    /// No step yet.
    pub fn new(scenario: String, run_started: Instant) -> Self {
        Self {
            scenario,
            run_started,
            steps: RefCell::default(),
        }
    }

    /// Waits until `work` has made `what` true.
    pub async fn step<T>(
        &self,
        what: impl Into<String>,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let what = what.into();
        let started = Instant::now();
        let made = work.await.with_context(|| format!("not seen: {what}"))?;
        let step = Step {
            what,
            took: started.elapsed(),
        };
        progress(self.run_started.elapsed(), &self.scenario, &step);
        self.steps.borrow_mut().push(step);
        Ok(made)
    }

    /// What was seen.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.into_inner()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:.1} s)", self.what, self.took.as_secs_f64())
    }
}
