//! Cleans up environment variables that are blank or have white space around their values.

use std::{
    env, num::NonZeroUsize, os::unix::process::CommandExt as _, path::PathBuf, process::Command,
};

use discovery::config::{Tidied, tidied};

use super::exit::{Exit, Failure};

/// How many threads tokio uses. tokio panics on a wrong value.
const THREADS: &str = "TOKIO_WORKER_THREADS";

/// Starts the program again with a tidy environment, unless the environment is tidy already. Blank variables mean
/// unset, but make the AWS SDK panic, and a process cannot safely change its own environment.
///
/// The process keeps its id and its file descriptors, so call this before anything else.
///
/// # Errors
///
/// When a variable has an impossible value, or the program cannot be started again.
pub fn tidy() -> Result<(), Failure> {
    let own = |name: &str| name.starts_with("DEMO_NODE_") || name == THREADS;
    let tidied = tidied(env::vars_os(), own).map_err(|error| Failure::usage(&error))?;
    if tidied.changed {
        return Err(start_again(tidied));
    }
    Ok(())
}

/// Returns only on failure.
fn start_again(tidied: Tidied) -> Failure {
    // Its own path keeps the name of the process. If that file was replaced or cannot be reached,
    // Linux still has the program.
    let program = env::current_exe()
        .ok()
        .filter(|program| program.exists())
        .unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let problem = command
        .args(arguments)
        .env_clear()
        .envs(tidied.variables)
        .exec();
    Failure {
        exit: Exit::Failed,
        message: format!(
            "some environment variables are blank or have white space around their values, and the \
             program cannot be started again without them: {problem}"
        ),
    }
}

/// How many threads the environment asks for.
///
/// # Errors
///
/// When the value is not a number of at least 1.
pub fn worker_threads() -> Result<Option<NonZeroUsize>, Failure> {
    let Some(value) = env::var_os(THREADS) else {
        return Ok(None);
    };
    let threads = value.to_str().and_then(|value| value.parse().ok());
    threads.map(Some).ok_or_else(|| Failure {
        exit: Exit::Usage,
        message: format!("the environment variable {THREADS}: expected a number of at least 1"),
    })
}
