//! Simulates formations for as long as one likes, and counts the clusters that come of each.
#![expect(clippy::print_stdout, reason = "the report")]

use std::{process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use integration_test::formations::{self, Injected, Mutation, Promise};

/// Simulates cluster formations in virtual time and counts the clusters that come of each.
///
/// Every seed is another run: other nodes, other faults. The same seed is the same run.
/// Exit status 1 if any run ends with other than one cluster; its seed is printed.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// What is assumed, and so which faults occur.
    #[arg(long, value_enum, default_value = "expected")]
    promise: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Expected nodes known: whatever AWS lists, whatever is lost, whoever crashes.
    Expected,
    /// Expected nodes unknown: lists are out of date by less than the stable margin.
    Unknown,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let promise = match args.promise {
        Which::Expected => Promise::Expected,
        Which::Unknown => Promise::Unknown,
    };
    let (mut injected, mut bad, mut slowest) = (Injected::default(), 0_u64, Duration::ZERO);
    for (done, seed) in (args.from..args.from.saturating_add(args.seeds)).enumerate() {
        let outcome = formations::run(seed, promise, Mutation::None);
        injected += outcome.injected;
        slowest = slowest.max(outcome.took);
        if !outcome.is_good() {
            bad += 1;
            println!("{outcome}");
        }
        if (done + 1) % 10_000 == 0 {
            println!("{} seeds, {bad} bad", done + 1);
        }
    }
    println!(
        "{} seeds, {} with exactly one cluster, {bad} without",
        args.seeds,
        args.seeds - bad
    );
    println!("slowest to be one cluster after the faults ended: {slowest:.1?} of virtual time");
    println!("injected: {injected}");
    if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
