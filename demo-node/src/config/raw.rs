//! A value as it was written.

use std::{collections::BTreeMap, fmt};

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// Text: from a flag, a variable, or a string, number or boolean in the file.
    Text(String),
    /// A list in the file.
    List(Vec<String>),
    /// A table in the file: name, and one or several values, each exactly as written.
    Table(BTreeMap<String, Vec<String>>),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}`"),
            Self::List(items) => write!(f, "{items:?}"),
            Self::Table(table) => write!(f, "{table:?}"),
        }
    }
}
