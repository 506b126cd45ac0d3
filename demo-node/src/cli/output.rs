//! What a command answers, on standard output.

use std::io::{self, Write as _};

use super::exit::{Exit, Failure};

/// Shows the answer of a command.
///
/// # Errors
///
/// When standard output is closed or full. The caller ends then: nobody would see the rest.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(|error| Failure {
        exit: Exit::Failed,
        message: format!("write to standard output: {error}"),
    })
}
