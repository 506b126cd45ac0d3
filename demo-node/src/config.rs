//! Reads flags, environment and a TOML file, in that order of precedence, into one valid [`Config`].
//!
//! Only this module reads settings from the environment. Each stage has its settings and their defaults in its own
//! `settings.rs`; those of the libraries `discovery` and `bootstrap` are in [`discovery`] and [`bootstrap`].
//! This module combines them.
//!
//! To add a setting, add a line to the `settings!` of its stage. That gives it a flag, a variable, a key in the
//! file and a line in `--help`.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

pub mod bootstrap;
pub(crate) mod declare;
pub mod discovery;
pub(crate) mod parse;
pub mod raw;
pub mod setting;
pub mod values;

use self::{
    bootstrap::Settings as Bootstrap,
    setting::Setting,
    values::{ConfigFile, Error, FILE_VARIABLE, Values},
};
use crate::{
    management::Settings as Management, membership::Settings as Membership,
    node::settings::Settings as Node, telemetry::Settings as Log,
};

/// All settings of the node.
#[derive(Debug)]
pub struct Config {
    /// How peers are found.
    pub discovery: ::discovery::config::Settings,
    /// How a cluster is formed.
    pub bootstrap: Bootstrap,
    /// Where this node is.
    pub node: Node,
    /// How it gossips.
    pub membership: Membership,
    /// How it is managed.
    pub management: Management,
}

/// Every setting, in the order in which `--help` lists them.
pub fn settings() -> impl Iterator<Item = &'static Setting> + Clone {
    let others = [
        Bootstrap::SETTINGS,
        Node::SETTINGS,
        Membership::SETTINGS,
        Management::SETTINGS,
        Log::SETTINGS,
    ];
    discovery::SETTINGS.into_iter().chain(others).flatten()
}

/// The environment variables that can be settings.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("DEMO_NODE_"))
        .collect()
}

/// Gathers flags, environment and file.
///
/// # Errors
///
/// When the file cannot be read, or a name is not a setting.
pub fn gather(
    flags: &BTreeMap<&'static str, String>,
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Values, Error> {
    let file = file.map(Path::to_path_buf).or_else(|| {
        environment
            .get(FILE_VARIABLE)
            .map(|path| path.trim())
            .filter(|path| !path.is_empty())
            .map(Into::into)
    });
    let file = file.map(read).transpose()?;
    Values::gather(settings(), flags, environment, file)
}

fn read(path: PathBuf) -> Result<ConfigFile, Error> {
    let opened = || {
        let file = std::fs::File::open(&path)?;
        let mode = file.metadata()?.permissions().mode();
        let mut text = String::new();
        file.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
        if LARGEST_FILE < text.len() as u64 {
            return Err(io::Error::other("it has more than 1 MiB"));
        }
        Ok((text, mode))
    };
    let (text, mode) = match opened() {
        Ok(opened) => opened,
        Err(error) => return Err(Error::Read(path, error)),
    };
    match text.parse() {
        Ok(table) => Ok(ConfigFile {
            path,
            table,
            is_public: mode & READABLE_BY_OTHERS != 0,
        }),
        Err(error) => Err(Error::parse(path, &text, &error)),
    }
}

/// The largest configuration file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// In a file's mode.
const READABLE_BY_OTHERS: u32 = 0o004;

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    ///
    /// When a setting is wrong or missing, or two of them contradict each other.
    pub fn read(values: &Values) -> Result<Self, Error> {
        let config = Self {
            discovery: discovery::discovery_settings(values)?,
            bootstrap: Bootstrap::read(values)?,
            node: Node::read(values)?,
            membership: Membership::read(values)?,
            management: Management::read(values)?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Error> {
        if self.membership.port == self.bootstrap.fallback_port {
            return Err(Error::Combination(format!(
                "membership.port and bootstrap.fallback-port are both {}, so this node would probe peers at \
                 their gossip port. Set bootstrap.fallback-port to their management port",
                self.membership.port
            )));
        }
        self.bootstrap.check()
    }
}

#[cfg(test)]
mod tests;
