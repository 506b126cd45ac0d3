//! The wall clock, read here and nowhere else in the simulated region.

use std::time::SystemTime;

/// The time of day. A paused test clock does not stop it: the SDKs compare expiry with the real one.
pub(super) fn now() -> SystemTime {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads it"
    )]
    SystemTime::now()
}
