//! `cargo xtask e2e`: builds everything, then becomes the `e2e` binary of integration-test.

use std::{env, os::unix::process::CommandExt, process};

use anyhow::{Context, anyhow};
use xshell::{Shell, cmd};

/// Builds everything and runs the end-to-end scenarios.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(sh: &Shell, _args: Args) -> anyhow::Result<()> {
    // Asked before the build, which replaces this very file.
    let binaries = env::current_exe().context("this program's own path is unknown")?;
    let e2e = binaries.with_file_name("e2e");

    eprintln!("==> build (the first one takes some minutes: aws-sdk-ec2 is large)");
    cmd!(sh, "cargo build --workspace").run()?;

    // Replacing this process hands on signals and the exit status, and leaves nobody behind who would have to.
    let error = process::Command::new(&e2e)
        .args(env::args_os().skip(2))
        .exec();
    Err(anyhow!(error).context(format!("{} could not be started", e2e.display())))
}
