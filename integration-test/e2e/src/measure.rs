//! Measurements of clusters, not tests: the figures of one machine on one day.

#![expect(clippy::print_stdout, reason = "figures are what this is for")]

use std::{fmt::Display, time::Duration};

pub mod cold_start;
pub mod idle;
pub mod in_virtual_time;
pub mod load;
mod process;
mod running;
pub mod soak;

/// How long anything may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(300);

fn report(what: &str, took: Duration) {
    tell(what, format!("{:.2} s", took.as_secs_f64()));
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

fn tell(what: &str, figure: impl Display) {
    println!("{what:<46}{:>12}", figure.to_string());
}
