//! The error that this machine cannot show a scenario.

/// A scenario cannot be shown here, and why: then it is skipped.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
pub struct NotShown(pub &'static str);
