//! The requests that the region got, from whom, and how they ended.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::account::identity::Caller;

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// ECS.
    ListTasks,
    /// ECS.
    DescribeTasks,
    /// ECS.
    DescribeServices,
    /// EC2.
    DescribeInstances,
    /// EC2 Auto Scaling.
    DescribeAutoScalingGroups,
    /// STS.
    AssumeRole,
    /// A task's metadata.
    TaskMetadata,
    /// A task's credentials.
    TaskCredentials,
    /// A session token of an instance's metadata service.
    InstanceToken,
    /// An instance's metadata and credentials.
    InstanceMetadata,
    /// Anything that the region does not know.
    Unknown,
}

/// How a request ended, as the region sees it: the caller may have given up earlier.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// With the requested answer.
    Answered,
    /// With this error code.
    Refused(String),
    /// With an unusable answer: an empty or broken body.
    Garbled,
    /// Without an answer.
    Unanswered,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it asked for.
    pub action: Action,
    /// Who asked, if it is known: by a signed request, or one to a task's or instance's own endpoint.
    pub caller: Option<Caller>,
    /// The JSON body, the form fields, or the path.
    pub parameters: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// When it arrived.
    pub at: SystemTime,
    /// How long its answer was delayed.
    pub delay: Duration,
}

/// The requests so far, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    log: Vec<Call>,
}

impl Action {
    /// As AWS writes it, or the type's own name for the metadata endpoints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ListTasks => "ListTasks",
            Self::DescribeTasks => "DescribeTasks",
            Self::DescribeServices => "DescribeServices",
            Self::DescribeInstances => "DescribeInstances",
            Self::DescribeAutoScalingGroups => "DescribeAutoScalingGroups",
            Self::AssumeRole => "AssumeRole",
            Self::TaskMetadata => "TaskMetadata",
            Self::TaskCredentials => "TaskCredentials",
            Self::InstanceToken => "InstanceToken",
            Self::InstanceMetadata => "InstanceMetadata",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Calls {
    /// Every request, oldest first.
    #[must_use]
    pub fn log(&self) -> &[Call] {
        &self.log
    }

    /// The requests for one action, oldest first.
    pub fn of(&self, action: Action) -> impl Iterator<Item = &Call> {
        self.log.iter().filter(move |call| call.action == action)
    }

    /// How often an action was asked for.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.of(action).count()
    }

    /// How often each action ended in each way.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Action, Outcome), usize> {
        let mut counts = BTreeMap::new();
        for call in &self.log {
            *counts
                .entry((call.action, call.outcome.clone()))
                .or_insert(0) += 1;
        }
        counts
    }

    /// How many requests for an action waited for their answers at the same time.
    #[must_use]
    pub fn most_at_once(&self, action: Action) -> usize {
        let spans: Vec<_> = self
            .of(action)
            .map(|call| (call.at, call.at + call.delay))
            .collect();
        let waiting_at = |moment: &SystemTime| {
            let spans = spans.iter();
            spans
                .filter(|(from, until)| from <= moment && moment <= until)
                .count()
        };
        spans
            .iter()
            .map(|(from, _)| waiting_at(from))
            .max()
            .unwrap_or(0)
    }

    pub(super) fn record(&mut self, call: Call) {
        self.log.push(call);
    }

    pub(super) fn clear(&mut self) {
        self.log.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_overlap_while_their_answers_are_held_back() {
        let mut calls = Calls::default();
        for (at, delay) in [(0, 10), (5, 10), (8, 1), (12, 10), (30, 0)] {
            calls.record(Call {
                action: Action::ListTasks,
                caller: None,
                parameters: Value::Null,
                outcome: Outcome::Answered,
                at: SystemTime::UNIX_EPOCH + Duration::from_millis(at),
                delay: Duration::from_millis(delay),
            });
        }
        assert_eq!(calls.most_at_once(Action::ListTasks), 3);
        assert_eq!(calls.most_at_once(Action::DescribeTasks), 0);
    }
}
