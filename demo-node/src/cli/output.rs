//! Prints a command's answer to standard output.

use std::io::{self, Write as _};

use super::exit::{Exit, Failure};

/// Prints a command's answer.
///
/// # Errors
///
/// When standard output is closed or full. The caller then ends, since nobody would see the rest.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(|error| Failure {
        exit: Exit::Failed,
        message: format!("write to standard output: {error}"),
    })
}
