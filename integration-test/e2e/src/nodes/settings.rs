//! A node's settings, as the environment variables that carry them.

use std::{collections::BTreeMap, fmt::Display};

/// Every setting's name begins with it.
const PREFIX: &str = "DEMO_NODE_";

/// Settings by name, without their common prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// With this setting, which replaces an earlier one with the same name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &(impl Display + ?Sized)) -> Self {
        self.0.insert(format!("{PREFIX}{name}"), value.to_string());
        self
    }

    /// With all of `others`, which replace earlier ones with the same names.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// As environment variables.
    pub fn into_environment(self) -> BTreeMap<String, String> {
        self.0
    }
}
