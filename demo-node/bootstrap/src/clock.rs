//! The only place that reads a clock.
//!
//! Decisions use [`now`], which is monotonic and stands still when a test pauses tokio's time. [`unix_millis`] is for
//! people, and for values that must differ between two lives of a process; nothing is ordered by it across machines.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The monotonic time.
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Milliseconds since 1970, by the wall clock. 0 if the clock is set to an earlier time.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the wall clock"
)]
pub fn unix_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| u64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}
