//! The process: arguments in, an exit status out.

use std::process::ExitCode;

use demo_node::cli;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("start the runtime: {error}"), cli::Exit::Failed),
    };
    match runtime.block_on(Box::pin(cli::execute(&matches))) {
        Ok(exit) => exit.into(),
        Err(failure) => fail(&failure.message, failure.exit),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a process that failed"
)]
fn fail(message: &str, exit: cli::Exit) -> ExitCode {
    eprintln!("demo-node: {message}");
    exit.into()
}
