//! The person at the terminal.

use std::{
    io::{self, IsTerminal, Write},
    thread,
};

use anyhow::{Context, ensure};
use tokio::sync::oneshot;

#[expect(clippy::print_stdout, reason = "a command line tool talks to a person")]
pub fn say(line: &str) {
    println!("{line}");
}

/// Whether the person agrees. An error if there is no terminal to ask on.
pub async fn agreed(question: &str) -> anyhow::Result<bool> {
    ensure!(
        io::stdin().is_terminal(),
        "there is no terminal to ask on: give --yes"
    );
    let mut terminal = io::stdout();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;

    // On a thread that nobody waits for, since Ctrl-C is also an answer.
    let (sender, answered) = oneshot::channel();
    thread::spawn(move || {
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        let _ = sender.send(read.map(|_| answer));
    });
    let answer = answered.await.context("the answer could not be read")??;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
