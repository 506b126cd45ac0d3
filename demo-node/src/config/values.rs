//! The values of settings, each with where it came from: a flag, the environment, the file or the
//! default, in that order of precedence.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use discovery::excerpt;

use super::{
    raw::Raw,
    setting::{Optional, Parse, Required, Setting},
};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// The configuration file.
    File(PathBuf),
    /// Nowhere: it is the default.
    Default,
}

/// The settings that have a value.
pub struct Values {
    all: BTreeMap<&'static str, Given>,
    /// Whether everybody on this host can read the configuration file.
    file_is_public: bool,
}

/// What a setting was given.
struct Given {
    setting: &'static Setting,
    raw: Raw,
    source: Source,
}

/// Something that is read from the values of settings.
pub trait Readable {
    /// What it is.
    type Value;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// If a value is wrong or missing.
    fn read(&self, values: &Values) -> Result<Self::Value, Error>;
}

/// A configuration file.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub table: toml::Table,
    /// Whether everybody on this host can read it.
    pub is_public: bool,
}

/// How other users of this host could read a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// A list of processes shows it.
    #[error(
        "is on the command line, where everybody on this host can read it: set it in the variable \
         {0}, or in a configuration file that only this user can read"
    )]
    CommandLine(String),
    /// Its file can be read by everybody.
    #[error("is in {path}, which everybody on this host can read: run `chmod o= {path}`", path = .0.display())]
    PublicFile(PathBuf),
}

/// A wrong value, file or combination of settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A wrong value. It names the setting, where it came from and what was expected.
    #[error("{setting} = {value} (from {origin}): {problem}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// The value, unless it is a secret.
        value: String,
        /// Where it came from.
        origin: Source,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A required setting is missing.
    #[error("{setting} is not set: give --{flag}, {env}, or `{setting}` in the configuration file")]
    Missing {
        /// The setting.
        setting: &'static str,
        /// Its flag.
        flag: String,
        /// Its variable.
        env: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Combination(String),
    /// The file cannot be read.
    #[error("read the configuration file {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// The file is not TOML. The parser's own error would quote the line, which may hold a secret.
    #[error("parse the configuration file {}, line {line}: {problem}", .file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file has a key that is not a setting.
    #[error("{}: `{key}` is not a setting{}", .file.display(), did_you_mean(.similar.as_deref()))]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
        /// A setting of a similar name.
        similar: Option<String>,
    },
    /// An environment variable with the right prefix is not a setting.
    #[error("the environment variable {name} is not a setting{}", did_you_mean(.similar.as_deref()))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// A setting of a similar name.
        similar: Option<String>,
    },
}

fn did_you_mean(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the flag --{name}"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.all.iter().map(|(name, given)| {
            let value = shown(given.setting, &given.raw);
            (name, format!("{value} (from {})", given.source))
        });
        f.debug_map().entries(shown).finish()
    }
}

// === impl Error ===

impl Error {
    pub(super) fn parse(file: PathBuf, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.as_bytes().iter().take(at);
        Self::Parse {
            file,
            line: 1 + before.filter(|byte| **byte == b'\n').count(),
            problem: error.message().replace('\n', ", "),
        }
    }
}

// === impl Values ===

impl Values {
    /// Gathers the values of these settings by precedence, without white space around them. A blank
    /// variable counts as not set.
    ///
    /// # Errors
    ///
    /// When the file or the environment names a setting that does not exist.
    pub fn gather(
        settings: impl Iterator<Item = &'static Setting> + Clone,
        flags: &BTreeMap<&'static str, String>,
        environment: &BTreeMap<String, String>,
        file: Option<ConfigFile>,
    ) -> Result<Self, Error> {
        let mut values = Self {
            all: BTreeMap::new(),
            file_is_public: file.as_ref().is_some_and(|file| file.is_public),
        };
        for setting in settings.clone() {
            if let Some(default) = setting.default {
                values.put(setting, Raw::Text(default.to_owned()), Source::Default);
            }
        }
        if let Some(ConfigFile { path, table, .. }) = file {
            let named = |name: &str| settings.clone().find(|setting| setting.name == name);
            let mut found = Vec::new();
            flatten("", table, &|name| named(name).is_some(), &mut found);
            for (key, value) in found {
                let Some(setting) = named(&key) else {
                    let similar = similar(&key, settings.map(|s| s.name.to_owned()));
                    return Err(Error::UnknownKey {
                        file: path,
                        key,
                        similar,
                    });
                };
                values.put(setting, value, Source::File(path.clone()));
            }
        }
        for (name, value) in environment {
            if name == FILE_VARIABLE || !name.starts_with("DEMO_NODE_") {
                continue;
            }
            let Some(setting) = settings.clone().find(|setting| setting.env() == *name) else {
                let similar = similar(name, settings.map(Setting::env));
                return Err(Error::UnknownVariable {
                    name: name.clone(),
                    similar,
                });
            };
            let value = value.trim();
            if !value.is_empty() {
                let source = Source::Environment(name.clone());
                values.put(setting, Raw::Text(value.to_owned()), source);
            }
        }
        for setting in settings {
            if let Some(value) = flags.get(setting.name) {
                let value = Raw::Text(value.trim().to_owned());
                values.put(setting, value, Source::Flag(setting.flag()));
            }
        }
        Ok(values)
    }

    fn put(&mut self, setting: &'static Setting, raw: Raw, source: Source) {
        let given = Given {
            setting,
            raw,
            source,
        };
        self.all.insert(setting.name, given);
    }

    /// The secrets that are given in a way in which others can read them.
    pub fn exposed_secrets(&self) -> impl Iterator<Item = (&'static str, Exposure)> {
        let secret = self.all.values().filter(|given| given.setting.secret);
        secret.filter_map(|given| {
            let exposure = match &given.source {
                Source::Flag(_) => Exposure::CommandLine(given.setting.env()),
                Source::File(path) if self.file_is_public => Exposure::PublicFile(path.clone()),
                Source::File(_) | Source::Environment(_) | Source::Default => return None,
            };
            Some((given.setting.name, exposure))
        })
    }

    /// Reads a setting.
    ///
    /// # Errors
    ///
    /// When its value is wrong, or it must have one and has none.
    pub fn get<R: Readable>(&self, setting: &R) -> Result<R::Value, Error> {
        setting.read(self)
    }

    fn parsed<T>(&self, setting: &Setting, parse: Parse<T>) -> Result<Option<T>, Error> {
        let Some(given) = self.all.get(setting.name) else {
            return Ok(None);
        };
        match parse(&given.raw) {
            Ok(value) => Ok(Some(value)),
            Err(problem) => Err(Error::Value {
                setting: given.setting.name,
                value: shown(given.setting, &given.raw),
                origin: given.source.clone(),
                problem,
            }),
        }
    }
}

impl<T> Readable for Optional<T> {
    type Value = Option<T>;

    fn read(&self, values: &Values) -> Result<Option<T>, Error> {
        values.parsed(&self.setting, self.parse)
    }
}

impl<T> Readable for Required<T> {
    type Value = T;

    fn read(&self, values: &Values) -> Result<T, Error> {
        let value = values.parsed(&self.setting, self.parse)?;
        value.ok_or_else(|| Error::Missing {
            setting: self.setting.name,
            flag: self.setting.flag(),
            env: self.setting.env(),
        })
    }
}

/// The variable that names the configuration file; the only one that is no setting.
pub const FILE_VARIABLE: &str = "DEMO_NODE_CONFIG";

/// The value as it was written, unless it is a secret.
fn shown(setting: &Setting, raw: &Raw) -> String {
    if setting.secret {
        "(not shown)".to_owned()
    } else {
        excerpt(&raw.to_string(), LONGEST_SHOWN)
    }
}

/// How much of a value is shown, in characters.
const LONGEST_SHOWN: usize = 300;

/// Keys joined by dots, down to what is a setting or a value.
fn flatten(
    prefix: &str,
    table: toml::Table,
    is_setting: &impl Fn(&str) -> bool,
    found: &mut Vec<(String, Raw)>,
) {
    for (key, value) in table {
        let name = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(inner) if !is_setting(&name) => {
                flatten(&name, inner, is_setting, found);
            }
            toml::Value::Table(inner) => {
                let table = inner
                    .into_iter()
                    .map(|(key, value)| (key, texts(value)))
                    .collect();
                found.push((name, Raw::Table(table)));
            }
            toml::Value::Array(_) => {
                let items = texts(value).into_iter().map(|item| item.trim().to_owned());
                found.push((name, Raw::List(items.collect())));
            }
            toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => {
                let text = texts(value).concat();
                found.push((name, Raw::Text(text.trim().to_owned())));
            }
        }
    }
}

fn texts(value: toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text],
        toml::Value::Array(items) => items.into_iter().flat_map(texts).collect(),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => vec![value.to_string()],
    }
}

/// The name that is most alike, if it is much alike.
fn similar(wrong: &str, names: impl Iterator<Item = String>) -> Option<String> {
    names
        .map(|name| (strsim::jaro_winkler(wrong, &name), name))
        .filter(|(alike, _)| 0.9 <= *alike)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}
