//! The programs that this one builds and then becomes.

use std::{env, os::unix::process::CommandExt, process};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::{cargo::as_from_a_shell, machine};

/// Builds everything, then becomes a program of another package, with the arguments from `first` on.
pub(crate) fn build_and_become(sh: &Shell, name: &str, first: usize) -> anyhow::Result<()> {
    // Read before the build, which replaces this very file.
    let this = env::current_exe().context("this program's own path is unknown")?;
    let program = this.with_file_name(name);

    eprintln!("\n==> {}", machine::before_build().join("\n"));
    as_from_a_shell(cmd!(sh, "cargo build --workspace"))
        .run()
        .context("correct what the compiler names above")?;

    // Replacing this process passes on signals and the exit status, and leaves no process behind that would have to.
    let error = process::Command::new(&program)
        .args(env::args_os().skip(first))
        .exec();
    Err(error).with_context(|| format!("{} cannot be started", program.display()))
}
