//! Counts a process's calls to AWS, by action and by how they ended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use crate::error::{ASSUME_ROLE, Error};

/// How a call to AWS ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// With the requested result.
    Answered,
    /// AWS asked for fewer calls.
    Throttled,
    /// The role lacks a permission.
    Denied,
    /// No answer within the call's own limit.
    TimedOut,
    /// In any other way without the requested result.
    Failed,
    /// The lookup ended before the call.
    Abandoned,
}

/// Calls by action, for example `ListTasks`, and outcome.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<(&'static str, Outcome), u64>>);

/// Counts a call as abandoned, unless its end is reported.
#[derive(Debug)]
struct UnderWay<'tally> {
    tally: &'tally Tally,
    action: &'static str,
    outcome: Outcome,
}

impl Tally {
    /// Counts a call.
    pub(crate) async fn watch<T>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut under_way = UnderWay {
            tally: self,
            action,
            outcome: Outcome::Abandoned,
        };
        let result = call.await;
        under_way.outcome = match &result {
            Ok(_) => Outcome::Answered,
            Err(error) => Outcome::of(error),
        };
        result
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> BTreeMap<(&'static str, Outcome), u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn count(&self, action: &'static str, outcome: Outcome) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((action, outcome)).or_default() += 1;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.tally.count(self.action, self.outcome);
    }
}

impl Outcome {
    /// The outcome as a word, for labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::TimedOut => "timed-out",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    fn of(error: &Error) -> Self {
        match error {
            Error::Throttled { .. } => Self::Throttled,
            // If a role could not be assumed, the call itself was not made.
            Error::AccessDenied { attempt, .. } if attempt.action != ASSUME_ROLE => Self::Denied,
            Error::TimedOut { .. } => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
