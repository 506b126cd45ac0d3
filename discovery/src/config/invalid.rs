//! Why a setting is wrong.

use std::borrow::Cow;

/// A wrong value: which setting, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
#[non_exhaustive]
pub struct Invalid {
    /// The setting as configuration spells it, or the variable.
    pub field: Cow<'static, str>,
    /// What was found and what was expected.
    pub problem: String,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}
