//! Errors, grouped by what the caller can do about them.

/// What can be done about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again later: throttled, unreachable, timed out.
    RetryLater,
    /// Grant the permission that the error names.
    FixPermissions,
    /// Correct the configuration that the error names.
    FixConfiguration,
}

/// Why a lookup failed. Nothing changes by a failed lookup, and any of these can happen in normal
/// operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot work.
    #[error("{field}: {problem}")]
    Configuration {
        /// The setting.
        field: &'static str,
        /// What is wrong with it and what was expected.
        problem: String,
    },
}

impl Error {
    /// What the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Configuration { .. } => Remedy::FixConfiguration,
        }
    }
}
