//! `cargo xtask test`: the tests.
//!
//! Always the whole workspace: one selection of packages means one set of features,
//! so that `cargo build --workspace` and the tests share every compiled dependency.
//! That matters for one of them: aws-sdk-ec2 takes ten minutes and 8 GiB.
//! For the same reason no dev-dependency may switch on a feature of what aws-sdk-ec2 depends on;
//! integration-test and the crates in its folder therefore have ordinary dependencies only.

use std::ffi::OsString;

use clap::builder::FalseyValueParser;
use xshell::{Shell, cmd};

use crate::{browser, cargo::as_from_a_shell, docker, image, steps::Steps, tools};

/// Runs every test that needs no AWS account; those that need Docker or a browser too, where these answer.
///
/// Those that need Docker deploy the stacks to emulators, which run the image: it is built first, and that takes some ten minutes
/// the first time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Report as CI does: run on after a failure, write junit.xml, fail what passes only at the second try.
    #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
    ci: bool,

    /// Leave out the tests that need Docker, even where it answers.
    #[arg(long)]
    without_docker: bool,

    /// Fail where there is no browser, rather than leave out the tests that need one. So does --ci.
    #[arg(long)]
    with_browser: bool,

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
                    // What is asked for by --ci is not left out either.
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
            "read the failed test's output above; `--without-docker` leaves these tests out",
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

/// Why the tests that need a browser are left out, where they are.
fn without_browser(args: &Args, unusable: impl Fn() -> Option<String>) -> Option<String> {
    if !args.nextest.is_empty() {
        Some(
            "some tests were asked for by name; \
             these alone: cargo nextest run --workspace --profile browser"
                .to_owned(),
        )
    } else if args.ci || args.with_browser {
        None
    } else {
        unusable()
    }
}

/// Why the tests that need Docker are left out, where they are.
fn without_containers(args: &Args) -> Option<String> {
    if args.without_docker {
        Some("--without-docker was given".to_owned())
    } else if !args.nextest.is_empty() {
        Some(
            "some tests were asked for by name; \
             these alone: cargo nextest run --workspace --profile container"
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
            // This may itself be run by CI, which the environment says.
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
