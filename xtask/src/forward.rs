//! `cargo xtask measure` and `simulate`: builds everything, then becomes the binary of that name.

use std::ffi::OsString;

use xshell::Shell;

use crate::program;

/// Everything after the command's name.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Passed to the binary; its `--help` explains them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(sh: &Shell, binary: &str, _: &Args) -> anyhow::Result<()> {
    program::build_and_become(sh, binary, 2)
}
