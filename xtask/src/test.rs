//! `cargo xtask test`: the tests.
//!
//! Always the whole workspace: the same selection of packages means the same set of features, so that `cargo build
//! --workspace` and the tests share every compiled dependency. This matters for one of them: aws-sdk-ec2 takes ten
//! minutes and 8 GiB. For the same reason no dev-dependency may switch on a feature in the dependencies of
//! aws-sdk-ec2; so integration-test and the crates in its folder only have ordinary dependencies.

use std::ffi::OsString;

use clap::builder::FalseyValueParser;
use xshell::{Shell, cmd};

use crate::{browser, cargo::as_from_a_shell, docker, image, steps::Steps, tools};

/// Runs every test that needs no AWS account. Tests that need Docker or a browser run if this machine has them.
///
/// The tests that need Docker deploy the stacks to emulators, which run the image. The image is built first: about ten
/// minutes the first time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Report as in CI: continue after a failure, write junit.xml, and count a test that passes only on retry as
    /// failed.
    #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
    ci: bool,

    /// Skip the tests that need Docker, even if it is running.
    #[arg(long)]
    without_docker: bool,

    /// Fail if there is no browser, instead of skipping the tests that need one. --ci does the same.
    #[arg(long)]
    with_browser: bool,

    /// Passed to `cargo nextest run`, for example part of a test's name or `-E 'package(discovery)'`;
    /// the examples in the documentation, and the crates made of the READMEs, are then skipped.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    nextest: Vec<OsString>,
}

pub(crate) fn run(sh: &Shell, args: &Args) -> anyhow::Result<()> {
    let mut steps = Steps::start();
    let profile = if args.ci { "ci" } else { "default" };
    let nextest = &args.nextest;

    steps.run(
        "tests",
        "read the failed test's output above; `cargo xtask test NAME` runs only that test",
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
            "correct the example that is named above, or the code that it shows",
            || {
                as_from_a_shell(cmd!(sh, "cargo test --workspace --doc")).run()?;
                Ok(())
            },
        );
        steps.run(
            "outside",
            "mend the README of discovery or of bootstrap, or what no longer does what they say",
            || {
                as_from_a_shell(cmd!(sh, "cargo nextest run --workspace --profile outside"))
                    .run()?;
                Ok(())
            },
        );
    }
    match without_browser(args, browser::unusable) {
        Some(reason) => eprintln!("\n==> no browser tests: {reason}"),
        None => steps.run(
            "browser",
            "read the failed test's output above; the page is in demo-node/src/management/page",
            || {
                if let Some(reason) = browser::unusable() {
                    anyhow::bail!("the page cannot be tested: {reason}");
                }
                let mut tests = cmd!(sh, "cargo nextest run --workspace --profile browser");
                if args.ci {
                    // With --ci, these tests are required.
                    tests = tests.env("CI", "true");
                }
                as_from_a_shell(tests).run()?;
                Ok(())
            },
        ),
    }
    match without_containers(args) {
        Some(reason) => eprintln!("\n==> no container tests: {reason}"),
        None => steps.run(
            "containers",
            "read the failed test's output above; `--without-docker` skips these tests",
            || {
                image::build(sh, &image::commit(sh)?)?;
                image::build_region(sh)?;
                as_from_a_shell(cmd!(
                    sh,
                    "cargo nextest run --workspace --profile container"
                ))
                .run()?;
                Ok(())
            },
        ),
    }

    steps.finish()
}

/// Why the tests that need a browser are skipped, if they are.
fn without_browser(args: &Args, unusable: impl Fn() -> Option<String>) -> Option<String> {
    if !args.nextest.is_empty() {
        Some(
            "only some tests were asked for, by \
             name; to run these: cargo nextest run --workspace --profile browser"
                .to_owned(),
        )
    } else if args.ci || args.with_browser {
        None
    } else {
        unusable()
    }
}

/// Why the tests that need Docker are skipped, if they are.
fn without_containers(args: &Args) -> Option<String> {
    if args.without_docker {
        Some("--without-docker was given".to_owned())
    } else if !args.nextest.is_empty() {
        Some(
            "only some tests were asked for, by \
             name; to run these: cargo nextest run --workspace --profile container"
                .to_owned(),
        )
    } else {
        docker::unusable()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn containers_are_left_out_on_demand_and_where_some_tests_are_asked_for() {
        let reason = without_containers(&parsed(&["--without-docker"])).unwrap();
        assert!(reason.contains("--without-docker"), "{reason}");

        for some in [
            &["a_name"][..],
            &["-E", "package(discovery)"],
            &["--", "--ignored"],
        ] {
            let reason = without_containers(&parsed(some)).unwrap();
            assert!(reason.contains("by name"), "{reason}");
        }
    }

    #[test]
    fn the_page_is_tested_where_there_is_a_browser_and_always_where_it_must_be() {
        let here = || None;
        let none = || Some("there is none".to_owned());
        for (ci, arguments, without) in [
            (false, &[][..], Some("there is none")),
            (true, &[], None),
            (false, &["--with-browser"], None),
        ] {
            // CI may run this test, which the environment says.
            let args = Args {
                ci,
                ..parsed(arguments)
            };
            assert_eq!(without_browser(&args, here), None, "{arguments:?}");
            assert_eq!(
                without_browser(&args, none).as_deref(),
                without,
                "{ci} {arguments:?}"
            );
        }
        let reason = without_browser(&parsed(&["--ci", "a_name"]), here).unwrap();
        assert!(reason.contains("by name"), "{reason}");
    }

    fn parsed(arguments: &[&str]) -> Args {
        let arguments = ["test"].iter().chain(arguments);
        Cli::try_parse_from(arguments).unwrap().args
    }
}
