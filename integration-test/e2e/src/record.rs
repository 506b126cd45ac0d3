//! What a scenario saw, step by step, printed while it happens.

use std::{cell::RefCell, fmt, future::Future, time::Duration};

use anyhow::Context;
use demo_node::clock;
use tokio::time::Instant;

use crate::{local::chronicle::Chronicle, progress::progress};

/// The steps of one scenario so far.
#[derive(Debug)]
pub struct Record {
    scenario: String,
    run_started: Instant,
    began: Instant,
    steps: RefCell<Vec<Step>>,
    trace: RefCell<Trace>,
}

/// Something that was seen, and how long it took.
#[derive(Debug, Clone)]
pub struct Step {
    /// A sentence.
    pub what: String,
    /// From the moment at which the scenario began to wait for it.
    pub took: Duration,
}

/// How a scenario went, for later reports.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// When it began: milliseconds since 1970.
    pub began: u64,
    /// All that was waited for, in the order in which that began.
    pub waited: Vec<Waited>,
    /// What happened to its nodes, where they were started here.
    pub chronicle: Chronicle,
}

/// Something that the scenario waited for. Times are from the beginning of the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// A sentence.
    pub what: String,
    /// From when on.
    pub from: Duration,
    /// When that ended, and what was seen instead if it failed. None if the scenario ended before.
    pub ended: Option<(Duration, Option<String>)>,
}

impl Record {
    /// No step yet.
    pub fn new(scenario: String, run_started: Instant) -> Self {
        Self {
            scenario,
            run_started,
            steps: RefCell::default(),
            trace: RefCell::new(Trace {
                began: clock::unix_millis(),
                ..Trace::default()
            }),
            began: Instant::now(),
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
        let waited = self.begin(&what);
        let made = work.await;
        self.end(waited, made.as_ref().err());
        let made = made.with_context(|| format!("did not happen: {what}"))?;
        let step = Step {
            what,
            took: started.elapsed(),
        };
        progress(self.run_started.elapsed(), &self.scenario, &step);
        self.steps.borrow_mut().push(step);
        Ok(made)
    }

    /// Records there what happens to the scenario's nodes.
    pub fn keep(&self, chronicle: Chronicle) {
        self.trace.borrow_mut().chronicle = chronicle;
    }

    /// What was seen, and how all of it went.
    pub fn into_parts(self) -> (Vec<Step>, Trace) {
        (self.steps.into_inner(), self.trace.into_inner())
    }

    fn begin(&self, what: &str) -> usize {
        let waited = &mut self.trace.borrow_mut().waited;
        waited.push(Waited {
            what: what.to_owned(),
            from: self.began.elapsed(),
            ended: None,
        });
        waited.len() - 1
    }

    fn end(&self, place: usize, missed: Option<&anyhow::Error>) {
        let missed = missed.map(|error| format!("{error:#}"));
        let waited = &mut self.trace.borrow_mut().waited;
        waited[place].ended = Some((self.began.elapsed(), missed));
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:.1} s)", self.what, self.took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use anyhow::anyhow;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_missed_and_what_is_given_up_leave_a_trace_too() {
        let record = Record::new("failure".to_owned(), Instant::now());
        let second = Duration::from_secs(1);

        let seen = record.step("a", async {
            tokio::time::sleep(second).await;
            Ok(())
        });
        seen.await.unwrap();
        let both = futures::future::try_join(
            record.step("b", async {
                tokio::time::sleep(second).await;
                anyhow::Result::<()>::Err(anyhow!("something else"))
            }),
            record.step("c", pending::<anyhow::Result<()>>()),
        );
        let error = both.await.unwrap_err();

        assert_eq!(format!("{error:#}"), "did not happen: b: something else");
        let (steps, trace) = record.into_parts();
        assert_eq!(steps.len(), 1);
        let waited = |what: &str, from, ended| Waited {
            what: what.to_owned(),
            from,
            ended,
        };
        let instead = Some("something else".to_owned());
        assert_eq!(
            trace.waited,
            [
                waited("a", Duration::ZERO, Some((second, None))),
                waited("b", second, Some((2 * second, instead))),
                waited("c", second, None),
            ]
        );
    }
}
