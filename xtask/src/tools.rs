//! The cargo subcommands that the commands here need, installed if they are missing.

use anyhow::Context;
use xshell::{Shell, cmd};

/// A cargo subcommand from crates.io.
#[derive(Debug)]
pub(crate) struct Tool {
    package: &'static str,
    subcommand: &'static str,
    /// The version to install if there is none; any other installed version is used as it is.
    version: &'static str,
}

/// Runs the tests.
pub(crate) const NEXTEST: Tool = Tool {
    package: "cargo-nextest",
    subcommand: "nextest",
    version: "0.9.143",
};

/// Checks the dependencies: licences, sources, duplicates.
pub(crate) const DENY: Tool = Tool {
    package: "cargo-deny",
    subcommand: "deny",
    version: "0.20.2",
};

impl Tool {
    /// Installs the tool unless it is already there.
    pub(crate) fn ensure(&self, sh: &Shell) -> anyhow::Result<()> {
        let Self {
            package,
            subcommand,
            version,
        } = self;
        if cmd!(sh, "cargo {subcommand} --version")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()
            .is_ok()
        {
            return Ok(());
        }

        eprintln!(
            "{package} is missing: installing {version} from crates.io, once; this takes a few minutes"
        );
        // Built in a temporary folder: no compiled crate here is shared with it.
        cmd!(sh, "cargo install --locked {package} --version {version}")
            .env_remove("CARGO_TARGET_DIR")
            .run()
            .with_context(|| format!("{package} {version} could not be installed"))
    }
}
