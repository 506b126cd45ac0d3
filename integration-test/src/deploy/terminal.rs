//! The person at the terminal.

use std::io::{self, IsTerminal, Write};

use anyhow::ensure;

#[expect(clippy::print_stdout, reason = "a command line tool talks to a person")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// Whether the person agrees. Where nobody can be asked, it is an error.
pub(super) fn agreed(question: &str) -> anyhow::Result<bool> {
    ensure!(
        io::stdin().is_terminal(),
        "nobody can be asked here: give --yes"
    );
    let mut terminal = io::stdout();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
