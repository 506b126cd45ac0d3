//! Deploys, shows and destroys the stacks; `cargo xtask deploy`, `status` and `destroy` build and start it.

#![expect(clippy::print_stderr, reason = "a command line tool talks to a person")]

use std::process::ExitCode;

use clap::Parser;
use observe::signals::Interruptions;
use options::deploy::{Command, Options};

use deploy::{check::check, destroy::destroy, put::deploy, status::status};

#[tokio::main]
async fn main() -> ExitCode {
    let command = Options::parse().command;
    let mut interruptions = match Interruptions::watch() {
        Ok(interruptions) => interruptions,
        Err(error) => {
            eprintln!("\nerror: signals cannot be watched for: {error}");
            return ExitCode::FAILURE;
        }
    };
    tokio::select! {
        done = Box::pin(run(&command)) => match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\nerror: {error:#}");
                ExitCode::FAILURE
            }
        },
        status = interruptions.next() => interrupted(&command, status),
    }
}

async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Deploy(options) if options.check => check(options).await,
        Command::Deploy(options) => deploy(options).await,
        Command::Status(options) => status(options).await,
        Command::Destroy(options) => destroy(options).await,
    }
}

/// What was begun is AWS's by now, which goes on with it.
fn interrupted(command: &Command, status: u8) -> ExitCode {
    match command {
        Command::Deploy(options) if options.check => {}
        Command::Deploy(options) => eprintln!(
            "\ninterrupted: CloudFormation goes on with what it has begun, if anything.\n\
             to see it: {}\nto remove it all: {}",
            options.place.command("status"),
            options.place.command("destroy")
        ),
        Command::Destroy(options) => eprintln!(
            "\ninterrupted: CloudFormation goes on with the deletion that it has begun.\n\
             for the rest: {}",
            options.place.command("destroy")
        ),
        Command::Status(_) => {}
    }
    ExitCode::from(status)
}
