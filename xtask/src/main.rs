//! This repository's commands: `cargo xtask --help`.
//!
//! Each command is a module with its `Args` and a `run`.
//! Nothing here knows AWS or runs a cluster: other crates do that, and these commands build and start them.

#![expect(clippy::print_stderr, reason = "a command line tool talks to a person")]

mod browser;
mod cargo;
mod check;
mod demo;
mod deploy;
mod docker;
mod e2e;
mod features;
mod files;
mod folders;
mod forward;
mod image;
mod machine;
mod mutations;
mod pictures;
mod program;
mod steps;
mod templates;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use xshell::Shell;

/// This repository's commands.
///
/// New here? `cargo xtask demo` is a cluster to play with, and `cargo xtask e2e` shows what a cluster guarantees.
/// Both run on this machine and need only Rust.
/// Before you submit a change: `cargo xtask check` and `cargo xtask test`.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Test(test::Args),
    Demo(options::demo::Options),
    E2e(options::e2e::Options),
    /// Simulates how clusters form, or live, in virtual time: as many random runs as you like.
    Simulate(forward::Args),
    /// Measures clusters: how fast they form, what they use, how much load they take.
    Measure(forward::Args),
    Mutations(mutations::Args),
    Pictures(pictures::Args),
    Image(image::Args),
    Deploy(options::deploy::Deploy),
    Status(options::deploy::Status),
    Destroy(options::deploy::Destroy),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let sh = Shell::new().context("the current folder cannot be read")?;
    sh.change_dir(folders::root());

    match command {
        Command::Check(check::Args {}) => check::run(&sh),
        Command::Test(args) => test::run(&sh, &args),
        Command::Demo(_) => demo::run(&sh),
        Command::E2e(args) => e2e::run(&sh, &args),
        Command::Simulate(args) => forward::run(&sh, "simulate", &args),
        Command::Measure(args) => forward::run(&sh, "measure", &args),
        Command::Mutations(args) => mutations::run(&sh, &args),
        Command::Pictures(pictures::Args {}) => pictures::run(&sh),
        Command::Image(args) => image::run(&sh, &args),
        Command::Deploy(_) | Command::Status(_) | Command::Destroy(_) => deploy::run(&sh),
    }
}
