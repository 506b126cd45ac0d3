//! `cargo xtask check`: everything about a change that can be judged without running it.
//!
//! Security advisories are not part of it: their database is at GitHub and changes every day, and a check of a commit
//! must not depend on that. `cargo deny check advisories` checks them.

use xshell::{Shell, cmd};

use crate::{cargo::as_from_a_shell, features, files, steps::Steps, templates, tools};

/// Checks format, lints, documentation, documents, features, files, CloudFormation templates and dependencies.
/// CI runs the same.
///
/// All steps run, even if one fails. The end lists what failed and what to do about it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let mut steps = Steps::start();

    steps.run("format", "cargo fmt --all", || {
        cmd!(sh, "cargo fmt --all --check").run()?;
        Ok(())
    });
    steps.run(
        "lints",
        "correct what clippy names above; with `--fix` it corrects the simple ones itself",
        || {
            as_from_a_shell(cmd!(
                sh,
                "cargo clippy --workspace --all-targets -- --deny warnings"
            ))
            .run()?;
            Ok(())
        },
    );
    steps.run(
        "documentation",
        "correct the comments that rustdoc names above",
        || {
            as_from_a_shell(cmd!(sh, "cargo doc --workspace --no-deps"))
                .env("RUSTDOCFLAGS", "--deny warnings")
                .run()?;
            Ok(())
        },
    );
    steps.run(
        "documents",
        "correct the document or the code, as the failed test says",
        || {
            tools::NEXTEST.ensure(sh)?;
            let tests =
                "binary_id(/::documents$/) + binary_id(discovery::public_api) + test(readme)";
            as_from_a_shell(cmd!(
                sh,
                "cargo nextest run --workspace --status-level fail -E {tests}"
            ))
            .run()?;
            Ok(())
        },
    );
    steps.run(
        "features",
        "keep aws-sdk-ec2 behind the feature `ec2` of discovery, and AWS crates without their defaults",
        || features::check(sh),
    );
    steps.run(
        "files",
        "split files that are too long, one idea for each; move what two files both need into a third file",
        || files::check(sh),
    );
    steps.run(
        "templates",
        "correct what cfn-lint names above, or write the exception and its reason into the template's Metadata",
        || templates::lint(sh),
    );
    steps.run(
        "templates, by checkov",
        "correct what it names above, or write the exception and its reason into xtask/src/templates/checkov.rs",
        || templates::secure(sh),
    );
    steps.run(
        "dependencies",
        "use another crate or version, or write the exception and its reason into deny.toml",
        || {
            tools::DENY.ensure(sh)?;
            cmd!(sh, "cargo deny --workspace check --deny unmatched-skip --deny unnecessary-skip bans licenses sources").run()?;
            Ok(())
        },
    );

    steps.finish()
}
