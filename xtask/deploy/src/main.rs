//! Deploys, shows and destroys the stacks; `cargo xtask deploy`, `status` and `destroy` build and start it.

#![expect(clippy::print_stderr, reason = "a command line tool talks to a person")]

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use observe::signals::Interruptions;
use options::deploy::{Command, Deploy, Options};
use tokio::time::timeout;

use deploy::{
    check::check, destroy::destroy, put::deploy, review::abandon, stacks::Pending, status::status,
};

/// After an interruption, people do not wait for long.
const CLEARING: Duration = Duration::from_secs(15);

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
    let pending = Pending::default();
    tokio::select! {
        done = Box::pin(run(&command, &pending)) => match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\nerror: {error:#}");
                ExitCode::FAILURE
            }
        },
        status = interruptions.next() => {
            interrupted(&command);
            if let Command::Deploy(options) = &command && !pending.stacks().is_empty() {
                clear(options, &pending).await;
            }
            ExitCode::from(status)
        }
    }
}

async fn run(command: &Command, pending: &Pending) -> anyhow::Result<()> {
    match command {
        Command::Deploy(options) if options.check => check(options).await,
        Command::Deploy(options) => deploy(options, pending).await,
        Command::Status(options) => status(options).await,
        Command::Destroy(options) => destroy(options).await,
    }
}

/// Operations that have begun continue in AWS.
fn interrupted(command: &Command) {
    match command {
        Command::Deploy(options) if options.check => {}
        Command::Deploy(options) => eprintln!(
            "\ninterrupted: CloudFormation completes what it has begun, if anything.\n\
             to see it: {}\nto remove everything: {}",
            options.place.command("status"),
            options.place.command("destroy")
        ),
        Command::Destroy(options) => eprintln!(
            "\ninterrupted: CloudFormation completes the deletion that it has begun.\n\
             for the rest: {}",
            options.place.command("destroy")
        ),
        Command::Status(_) => {}
    }
}

/// Deletes what was only shown.
async fn clear(options: &Deploy, pending: &Pending) {
    let abandoned = timeout(CLEARING, abandon(options, pending)).await;
    if let Ok(Err(error)) = abandoned {
        eprintln!("{error:#}");
    }
    for stack in pending.stacks() {
        eprintln!("a change set of {stack} may be left; the next run deletes it");
    }
}
