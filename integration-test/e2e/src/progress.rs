//! What a run prints while it runs.

use std::{fmt::Display, time::Duration};

/// One line while a scenario runs.
#[expect(
    clippy::print_stdout,
    reason = "progress is for the person at the terminal"
)]
pub fn progress(since_start: Duration, scenario: &str, what: &impl Display) {
    println!(
        "{:>6.1} s  {scenario:<15} {what}",
        since_start.as_secs_f64()
    );
}

/// One line while something is prepared that takes long.
#[expect(
    clippy::print_stdout,
    reason = "progress is for the person at the terminal"
)]
pub fn announce(what: &str) {
    println!("==> {what}");
}
