//! The time that one lookup has.

use std::time::Duration;

use tokio::time::Instant;
#[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
use tokio::time::timeout_at;

#[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
use crate::error::{Attempt, Error};

/// How long a lookup may take, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) timeout: Duration,
    pub(crate) deadline: Instant,
}

impl Budget {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            // What is longer than a day might as well be one, and does not overflow the clock.
            deadline: Instant::now() + timeout.min(Duration::from_hours(24)),
        }
    }

    /// For a step without which nothing can be looked up.
    #[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
    pub(crate) async fn bound<T>(
        self,
        attempt: &Attempt,
        step: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match timeout_at(self.deadline, Box::pin(step())).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut {
                attempt: attempt.clone(),
                after: self.timeout,
            }),
        }
    }
}
