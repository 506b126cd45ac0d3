//! `cargo xtask e2e`: builds everything, then becomes the program `e2e`.

use std::{env, os::unix::process::CommandExt, process};

use anyhow::{Context, bail};
use options::e2e::{Options, Target};
use xshell::{Shell, cmd};

use crate::{cargo::as_from_a_shell, image};

pub(crate) fn run(sh: &Shell, args: &Options) -> anyhow::Result<()> {
    if let Some(missing) = args.target.missing() {
        bail!("{missing}");
    }
    let builds = match args.target {
        // AWS takes it from a repository, where it is published after the person has agreed.
        Target::Embedded | Target::Aws => false,
        Target::Docker | Target::Ministack | Target::Localstack | Target::Url(_) => {
            args.image.is_none()
        }
    };
    if builds {
        image::build(sh, &image::commit(sh)?)?;
    }
    become_binary(sh, "e2e", 2)
}

/// Builds everything, then becomes a program of another package, with the arguments from `first` on.
pub(crate) fn become_binary(sh: &Shell, name: &str, first: usize) -> anyhow::Result<()> {
    // Asked before the build, which replaces this very file.
    let this = env::current_exe().context("this program's own path is unknown")?;
    let binary = this.with_file_name(name);

    eprintln!("\n==> build (the first one takes some ten minutes: aws-sdk-ec2 is large)");
    as_from_a_shell(cmd!(sh, "cargo build --workspace"))
        .run()
        .context("mend what the compiler names above")?;

    // Replacing this process hands on signals and the exit status, and leaves nobody behind who would have to.
    let error = process::Command::new(&binary)
        .args(env::args_os().skip(first))
        .exec();
    Err(error).with_context(|| format!("{} cannot be started", binary.display()))
}
