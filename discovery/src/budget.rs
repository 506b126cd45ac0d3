//! The time that one lookup has.

use std::time::Duration;

use tokio::time::Instant;
#[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
use tokio::time::timeout_at;

#[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
use crate::error::{Attempt, Error};

/// How long a lookup may take, and its deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) timeout: Duration,
    pub(crate) deadline: Instant,
}

impl Budget {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            // Anything longer than a day may as well be a day, and does not overflow the clock.
            deadline: Instant::now() + timeout.min(Duration::from_hours(24)),
        }
    }

    /// The limit for a step without which the lookup cannot continue.
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
