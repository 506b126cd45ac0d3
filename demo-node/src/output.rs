//! What a command was asked for, on standard output.

use std::io::{self, Write as _};

/// Writes a text and a line end.
///
/// # Errors
///
/// When standard output is closed or full. The caller ends then: nobody would see the rest.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.write_all(b"\n")?;
    output.flush()
}
