//! Deploys, shows and destroys the stacks; `cargo xtask deploy`, `status` and `destroy` build and start it.

#![expect(clippy::print_stderr, reason = "a command line tool talks to a person")]

use std::process::ExitCode;

use clap::Parser;
use integration_test::deploy::{
    destroy::destroy,
    options::{Command, Options},
    put::deploy,
    status::status,
};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Deploy(options) => Box::pin(deploy(&options)).await,
        Command::Status(options) => Box::pin(status(&options)).await,
        Command::Destroy(options) => Box::pin(destroy(&options)).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
