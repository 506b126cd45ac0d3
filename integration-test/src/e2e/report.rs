//! What a run tells: lines for people, JSON for machines.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use serde_json::{Value, json};

use super::{options::Target, record::Step};

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    /// Where the nodes ran.
    pub target: Target,
    /// In the order in which scenarios are listed.
    pub scenarios: Vec<Told>,
    /// All of it.
    pub took: Duration,
}

/// What one scenario came to.
#[derive(Debug)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen on the way.
    pub steps: Vec<Step>,
    /// All of it.
    pub took: Duration,
}

/// How a scenario ended.
#[derive(Debug)]
pub enum Outcome {
    /// Everything was seen.
    Passed,
    /// Something was not.
    Failed {
        /// What, and what was seen instead.
        error: anyhow::Error,
        /// The folder with the nodes' logs.
        logs: PathBuf,
    },
    /// This target cannot show it.
    Skipped {
        /// Why not.
        reason: &'static str,
    },
}

impl Report {
    /// The names of the scenarios that failed.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.scenarios.iter().filter(|told| match told.outcome {
            Outcome::Passed | Outcome::Skipped { .. } => false,
            Outcome::Failed { .. } => true,
        });
        failed.map(|told| told.name.as_str()).collect()
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for told in &self.scenarios {
            told.write_to(&mut text).expect("a string takes any text");
        }
        text
    }

    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "target": self.target.name(),
            "passed": self.failed().is_empty(),
            "elapsedMs": millis(self.took),
            "scenarios": self.scenarios.iter().map(Told::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Told {
    fn write_to(&self, text: &mut String) -> std::fmt::Result {
        let Self {
            name,
            outcome,
            steps,
            took,
        } = self;
        let took = took.as_secs_f64();
        match outcome {
            Outcome::Passed => write!(text, "passed   {name:<14} {took:>5.1} s  ")?,
            Outcome::Failed { .. } => write!(text, "FAILED   {name:<14} {took:>5.1} s  ")?,
            Outcome::Skipped { reason } => {
                return writeln!(text, "skipped  {name:<14}          {reason}");
            }
        }
        for (n, step) in steps.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(text, "{separator}{step}")?;
        }
        writeln!(text)?;
        if let Outcome::Failed { error, logs } = outcome {
            writeln!(text, "         {error:#}")?;
            writeln!(text, "         logs: {}", logs.display())?;
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| json!({ "what": step.what, "ms": millis(step.took) }))
            .collect();
        let mut told = json!({
            "name": self.name,
            "outcome": self.outcome.name(),
            "elapsedMs": millis(self.took),
            "steps": steps,
        });
        match &self.outcome {
            Outcome::Passed => {}
            Outcome::Failed { error, logs } => {
                told["error"] = json!(format!("{error:#}"));
                told["logs"] = json!(logs);
            }
            Outcome::Skipped { reason } => told["reason"] = json!(reason),
        }
        told
    }
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// One line while a scenario runs.
#[expect(
    clippy::print_stdout,
    reason = "progress is for the person at the terminal"
)]
pub fn progress(since_start: Duration, scenario: &str, step: &Step) {
    println!(
        "{:>6.1} s  {scenario:<14} {step}",
        since_start.as_secs_f64()
    );
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
