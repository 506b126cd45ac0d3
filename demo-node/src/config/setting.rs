//! What a setting is: its name, its default, what it does, and how its text becomes a value.
//!
//! Flags, environment names, file keys and `--help` are made from this.

use super::raw::Raw;

/// The description of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as the file spells it: section and key, for example `bootstrap.stable-margin`.
    pub name: &'static str,
    /// What a value looks like, for `--help`.
    pub shape: &'static str,
    /// Its default value, as text.
    pub default: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

impl Setting {
    /// The section.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The environment variable.
    #[must_use]
    pub fn env(&self) -> String {
        format!(
            "DEMO_NODE_{}",
            self.name.replace(['.', '-'], "_").to_ascii_uppercase()
        )
    }

    /// The flag, without its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace('.', "-")
    }
}

/// Turns text into a value, or says what was expected.
pub type Parse<T> = fn(&Raw) -> Result<T, String>;

/// A setting that always has a value: the default, or else it must be given.
#[derive(Debug)]
pub struct Required<T> {
    /// Its description.
    pub setting: Setting,
    pub(super) parse: Parse<T>,
}

/// A setting that may have no value.
#[derive(Debug)]
pub struct Optional<T> {
    /// Its description.
    pub setting: Setting,
    pub(super) parse: Parse<T>,
}

/// A setting that may have no value.
pub const fn optional<T>(
    name: &'static str,
    shape: &'static str,
    parse: Parse<T>,
    help: &'static str,
) -> Optional<T> {
    Optional {
        setting: Setting {
            name,
            shape,
            default: None,
            help,
            secret: false,
        },
        parse,
    }
}

impl<T> Optional<T> {
    /// Its value is never shown.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self {
            setting: Setting {
                secret: true,
                ..self.setting
            },
            ..self
        }
    }

    /// It must be given.
    #[must_use]
    pub const fn required(self) -> Required<T> {
        Required {
            setting: self.setting,
            parse: self.parse,
        }
    }

    /// Its default value, written as in a file.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Required<T> {
        Required {
            setting: Setting {
                default: Some(default),
                ..self.setting
            },
            parse: self.parse,
        }
    }
}
