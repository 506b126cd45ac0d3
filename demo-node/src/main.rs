//! The process: arguments in, an exit status out.

use std::{
    alloc::System,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use demo_node::{cli, log::Queue};
use zeroizing_alloc::ZeroAlloc;

/// Wipes freed memory: a secret passes through much code (the command line, the file and its parser,
/// the AWS SDK) before it reaches its place, and each leaves a copy.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

/// How long the last log lines may take if nobody reads standard error.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long tasks may take to end after the command has ended: nobody needs their work then.
const LAST_TASKS: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let log = match Queue::to_stderr() {
        Ok(log) => log,
        Err(error) => {
            // There is no better way to say it.
            let _unseen = writeln!(io::stderr(), "demo-node: start to log: {error}");
            return cli::Exit::Failed.into();
        }
    };
    let exit = match run(&log) {
        Ok(exit) => exit,
        Err(failure) => {
            log.put(format!("demo-node: {}\n", failure.message).into_bytes());
            failure.exit.into()
        }
    };
    log.flush(LAST_WORDS);
    exit
}

fn run(log: &Queue) -> Result<ExitCode, cli::Failure> {
    cli::tidy_environment()?;
    let matches = match cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return show(&error, log),
    };
    let failed = |message| cli::Failure {
        exit: cli::Exit::Failed,
        message,
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all();
    if let Some(threads) = cli::worker_threads()? {
        runtime.worker_threads(threads.into());
    }
    let runtime = runtime
        .build()
        .map_err(|error| failed(format!("start the runtime: {error}")))?;
    let ended = runtime.block_on(Box::pin(cli::execute(matches, log)));
    runtime.shutdown_timeout(LAST_TASKS);
    ended.map(Into::into)
}

/// Shows the help, or the error in the command line.
fn show(error: &clap::Error, log: &Queue) -> Result<ExitCode, cli::Failure> {
    let text = error.render();
    if error.use_stderr() {
        log.put(styled(&text, cli::colours(io::stderr().is_terminal())).into_bytes());
        return Ok(cli::Exit::Usage.into());
    }
    cli::print(styled(&text, cli::colours(io::stdout().is_terminal())).trim_end())?;
    Ok(cli::Exit::Complete.into())
}

fn styled(text: &clap::builder::StyledStr, coloured: bool) -> String {
    if coloured {
        text.ansi().to_string()
    } else {
        text.to_string()
    }
}
