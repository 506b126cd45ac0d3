//! The results of a run: lines for people, JSON for machines.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use options::e2e::Target;
use serde_json::{Value, json};

use crate::record::{Step, Trace};

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// Where the nodes ran.
    pub target: Target,
    /// In the order in which scenarios are listed.
    pub scenarios: Vec<Shown>,
    /// All of it.
    pub took: Duration,
}

/// The result of one scenario.
#[derive(Debug)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub outcome: Conclusion,
    /// What was seen on the way.
    pub steps: Vec<Step>,
    /// When that was, and what else happened.
    pub trace: Trace,
    /// All of it.
    pub took: Duration,
}

/// How a scenario ended.
#[derive(Debug)]
pub enum Conclusion {
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
    /// The run was interrupted before the scenario ended.
    Interrupted,
}

impl Report {
    /// The names of the scenarios that failed.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.scenarios.iter().filter(|told| match told.outcome {
            Conclusion::Passed | Conclusion::Skipped { .. } | Conclusion::Interrupted => false,
            Conclusion::Failed { .. } => true,
        });
        failed.map(|told| told.name.as_str()).collect()
    }

    /// Whether the run was complete, and nothing failed.
    pub fn passed(&self) -> bool {
        self.scenarios.iter().all(|told| match told.outcome {
            Conclusion::Passed | Conclusion::Skipped { .. } => true,
            Conclusion::Failed { .. } | Conclusion::Interrupted => false,
        })
    }

    /// For people: a line for each scenario, details for failed ones, and the totals. Lines of passed scenarios fit
    /// 80 columns; their steps were printed during the run.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let written = self.write_to(&mut text);
        written.expect("a string takes any text");
        text
    }

    fn write_to(&self, text: &mut String) -> std::fmt::Result {
        for shown in &self.scenarios {
            shown.write_to(text)?;
        }
        let [mut passed, mut failed, mut skipped, mut interrupted] = [0; 4];
        for shown in &self.scenarios {
            *match shown.outcome {
                Conclusion::Passed => &mut passed,
                Conclusion::Failed { .. } => &mut failed,
                Conclusion::Skipped { .. } => &mut skipped,
                Conclusion::Interrupted => &mut interrupted,
            } += 1;
        }
        write!(text, "\n{passed} passed, {failed} failed")?;
        for (count, what) in [(skipped, "skipped"), (interrupted, "interrupted")] {
            if count != 0 {
                write!(text, ", {count} {what}")?;
            }
        }
        writeln!(text, " in {:.1} s", self.took.as_secs_f64())
    }

    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "target": self.target.to_string(),
            "passed": self.passed(),
            "elapsedMs": millis(self.took),
            "scenarios": self.scenarios.iter().map(Shown::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Shown {
    fn write_to(&self, text: &mut String) -> std::fmt::Result {
        let Self {
            name,
            outcome,
            steps,
            trace: _,
            took,
        } = self;
        let took = took.as_secs_f64();
        match outcome {
            Conclusion::Passed => writeln!(text, "passed   {name:<15} {took:>5.1} s"),
            Conclusion::Skipped { reason } => {
                writeln!(text, "skipped  {name:<15}          {reason}")
            }
            Conclusion::Interrupted => {
                writeln!(
                    text,
                    "stopped  {name:<15} {took:>5.1} s  by the interruption"
                )
            }
            Conclusion::Failed { error, logs } => {
                writeln!(text, "FAILED   {name:<15} {took:>5.1} s")?;
                for step in steps {
                    writeln!(text, "         seen: {step}")?;
                }
                writeln!(text, "         {error:#}")?;
                writeln!(text, "         logs: {}", logs.display())
            }
        }
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
            Conclusion::Passed | Conclusion::Interrupted => {}
            Conclusion::Failed { error, logs } => {
                told["error"] = json!(format!("{error:#}"));
                told["logs"] = json!(logs);
            }
            Conclusion::Skipped { reason } => told["reason"] = json!(reason),
        }
        told
    }
}

impl Conclusion {
    fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Interrupted => "interrupted",
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_line_says_what_passed_and_how_long_it_took() {
        let report = report(Conclusion::Passed);

        assert_eq!(
            report.to_text(),
            "passed   scale             4.2 s\n\n1 passed, 0 failed in 4.3 s\n"
        );
        assert!(report.failed().is_empty());
    }

    #[test]
    fn a_failure_comes_with_its_causes_and_its_logs() {
        let report = report(Conclusion::Failed {
            error: anyhow!("connection refused").context("orders-1 says nothing"),
            logs: "/tmp/run/scale".into(),
        });

        let text = report.to_text();
        assert!(
            text.contains("orders-1 says nothing: connection refused"),
            "{text}"
        );
        assert!(text.contains("/tmp/run/scale"), "{text}");
        assert!(text.contains("seen: 4 more join it (2.5 s)"), "{text}");
        assert!(text.ends_with("\n0 passed, 1 failed in 4.3 s\n"), "{text}");
        assert_eq!(report.failed(), ["scale"]);
    }

    #[test]
    fn what_is_skipped_is_no_failure_and_says_why() {
        let report = report(Conclusion::Skipped {
            reason: "one machine has one network",
        });

        let text = report.to_text();
        assert!(text.contains("one machine has one network"), "{text}");
        assert!(
            text.ends_with("0 passed, 0 failed, 1 skipped in 4.3 s\n"),
            "{text}"
        );
        assert!(report.failed().is_empty());
    }

    #[test]
    fn what_was_interrupted_has_not_failed_and_the_run_has_not_passed() {
        let report = report(Conclusion::Interrupted);

        assert_eq!(
            report.to_text(),
            "stopped  scale             4.2 s  by the interruption\n\n\
             0 passed, 0 failed, 1 interrupted in 4.3 s\n"
        );
        assert!(report.failed().is_empty());
        let json = report.to_json();
        assert_eq!(json["passed"], false, "{json}");
        assert_eq!(json["scenarios"][0]["outcome"], "interrupted", "{json}");
    }

    #[test]
    fn machines_read_the_same() {
        let json = report(Conclusion::Passed).to_json();

        assert_eq!(
            json,
            json!({
                "target": "embedded",
                "passed": true,
                "elapsedMs": 4300,
                "scenarios": [{
                    "name": "scale",
                    "outcome": "passed",
                    "elapsedMs": 4200,
                    "steps": [
                        { "what": "3 tasks form one cluster", "ms": 1500 },
                        { "what": "4 more join it", "ms": 2500 },
                    ],
                }],
            })
        );
    }

    fn report(outcome: Conclusion) -> Report {
        let step = |what: &str, took| Step {
            what: what.to_owned(),
            took: Duration::from_millis(took),
        };
        Report {
            target: Target::Embedded,
            scenarios: vec![Shown {
                name: "scale".to_owned(),
                outcome,
                steps: vec![
                    step("3 tasks form one cluster", 1500),
                    step("4 more join it", 2500),
                ],
                trace: Trace::default(),
                took: Duration::from_millis(4200),
            }],
            took: Duration::from_millis(4300),
        }
    }
}
