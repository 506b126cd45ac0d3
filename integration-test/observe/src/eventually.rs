//! Waiting for a state of something that runs by itself: a process, a container, an account.
//!
//! Not for code whose time can be paused. And never wait for a *change*: it may be over before the first look.

use std::{fmt, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

/// The time between two looks: short compared with what is waited for, long compared with one look.
const INTERVAL: Duration = Duration::from_millis(50);

/// The state was not reached in time.
#[derive(Debug, thiserror::Error)]
#[error("not within {limit:?}; last seen: {last_seen}")]
pub struct NotInTime {
    /// How long it waited.
    pub limit: Duration,
    /// What the last look saw instead.
    pub last_seen: String,
}

/// Looks often, until `look` returns `Ok` or `limit` has passed.
///
/// The `Err` of a look says what it saw instead; the last one becomes part of the error.
pub async fn eventually<T, S: fmt::Display>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, S>,
) -> Result<T, NotInTime> {
    let deadline = Instant::now() + limit;
    let mut last_seen = "nothing".to_owned();

    loop {
        match timeout_at(deadline, look()).await {
            Ok(Ok(reached)) => return Ok(reached),
            Ok(Err(seen)) => last_seen = seen.to_string(),
            // A look that hangs shows no state: the one before it says more.
            Err(_) => return Err(NotInTime { limit, last_seen }),
        }
        if deadline <= Instant::now() + INTERVAL {
            return Err(NotInTime { limit, last_seen });
        }
        sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_state_that_comes_is_handed_out() {
        let started = Instant::now();
        let looks = eventually(Duration::from_secs(10), async || {
            let waited = started.elapsed();
            if waited < Duration::from_secs(2) {
                Err("too early")
            } else {
                Ok(waited)
            }
        })
        .await;

        assert!(looks.unwrap() < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_state_seen_is_told_when_time_is_up() {
        let mut looks = 0;
        let missed = eventually(Duration::from_secs(1), async || {
            looks += 1;
            Err::<(), _>(format!("look {looks}"))
        })
        .await
        .unwrap_err();

        assert!(looks > 10, "looked only {looks} times");
        assert_eq!(missed.last_seen, format!("look {looks}"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_does_not_outlast_the_limit() {
        let mut looks = 0;
        let missed = eventually(Duration::from_secs(1), async || {
            looks += 1;
            if looks == 2 {
                pending::<()>().await;
            }
            Err::<(), _>("the first look")
        })
        .await
        .unwrap_err();

        assert_eq!(missed.last_seen, "the first look");
    }
}
