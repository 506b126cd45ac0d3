//! `cargo xtask test`: the tests.
//!
//! Always the whole workspace: one selection of packages means one set of features,
//! so that `cargo build --workspace` and the tests share every compiled dependency.
//! That matters for one of them: aws-sdk-ec2 takes ten minutes and 8 GiB.
//! For the same reason no dev-dependency may switch on a feature of what aws-sdk-ec2 depends on;
//! integration-test therefore has ordinary dependencies only.

use std::ffi::OsString;

use clap::builder::FalseyValueParser;
use xshell::{Shell, cmd};

use crate::{cargo::as_from_a_shell, steps::Steps, tools};

/// Runs every test that needs neither an AWS account nor Docker.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Report as CI does: run on after a failure, write junit.xml, fail what passes only at the second try.
    #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
    ci: bool,

    /// Handed to `cargo nextest run`, for example a part of a test's name or `-E 'package(discovery)'`;
    /// the examples in the documentation are then left out.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    nextest: Vec<OsString>,
}

pub(crate) fn run(sh: &Shell, args: &Args) -> anyhow::Result<()> {
    let mut steps = Steps::start();
    let profile = if args.ci { "ci" } else { "default" };
    let nextest = &args.nextest;

    steps.run(
        "tests",
        "read the failed test's output above; `cargo xtask test NAME` runs it alone",
        || {
            tools::NEXTEST.ensure(sh)?;
            as_from_a_shell(cmd!(
                sh,
                "cargo nextest run --workspace --profile {profile} {nextest...}"
            ))
            .run()?;
            Ok(())
        },
    );
    if nextest.is_empty() {
        steps.run(
            "doc tests",
            "mend the example that is named above, or what it shows",
            || {
                as_from_a_shell(cmd!(sh, "cargo test --workspace --doc")).run()?;
                Ok(())
            },
        );
    }

    steps.finish()
}
