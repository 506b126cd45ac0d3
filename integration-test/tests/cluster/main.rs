//! Whole clusters: in virtual time, over a simulated network, and over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails should fail the test, as in the tests themselves"
)]

mod membership;
