//! Simulates how clusters form, or the whole life of nodes, for any number of seeds.
#![expect(clippy::print_stdout, reason = "the report")]

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use simulation::{
    formations::{self, Adverse, Injected, Mutation, Promise},
    whole_nodes,
};

/// Simulates in virtual time how clusters form, and counts the clusters at the end of each run.
///
/// Every seed is another run, with other nodes and other faults. The same seed gives the same run.
/// If a run does not end with exactly one cluster, its seed is printed and the exit status is 1.
///
/// With --whole-nodes it simulates clusters of whole nodes for longer, and checks more than the number
/// of clusters. A seed takes a thousand times as long.
///
/// With --beyond as well, more processes take part than the guarantee covers: a majority is replaced
/// while the others are cut off. This gives two clusters, and the younger must join the older.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Args {
    /// How many seeds [default: 10000; with --whole-nodes 100, which take about a minute]
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// What is assumed; this decides which faults occur.
    #[arg(long, value_enum, default_value = "expected")]
    promise: Which,
    /// One thing stays wrong for the whole run, with the expected nodes known. All nodes that can be in one cluster
    /// must be in it at the end.
    #[arg(long, value_enum, conflicts_with_all = ["promise", "whole_nodes"])]
    adverse: Option<Adverse>,
    /// Simulate whole nodes: management HTTP, bootstrap and membership together.
    #[arg(long, conflicts_with = "promise")]
    whole_nodes: bool,
    /// Replace a majority of the nodes while the others are cut off.
    #[arg(long, requires = "whole_nodes")]
    beyond: bool,
    /// Print what happens in each run, and what every node sees.
    #[arg(long, requires = "whole_nodes")]
    show: bool,
    /// Print the nodes' logs with this filter, for example `info`. The times in them are not virtual.
    #[arg(long, requires = "whole_nodes")]
    log: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Expected nodes are known: AWS may list anything, any message may be lost, any process may crash.
    Expected,
    /// Expected nodes are unknown: lists are out of date by less than the stable margin.
    Unknown,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(filter) = &args.log {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .init();
    }
    let good = if args.whole_nodes {
        simulate_whole_nodes(&args, args.seeds.unwrap_or(100))
    } else {
        simulate_formations(&args, args.seeds.unwrap_or(10_000))
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn simulate_formations(args: &Args, seeds: u64) -> bool {
    let promise = match args.promise {
        Which::Expected => Promise::Expected,
        Which::Unknown => Promise::Unknown,
    };
    let (mut injected, mut bad, mut slowest) = (Injected::default(), 0_u64, Duration::ZERO);
    for (done, seed) in (args.from..args.from.saturating_add(seeds)).enumerate() {
        let outcome = match args.adverse {
            Some(adverse) => formations::run_adverse(seed, adverse),
            None => formations::run(seed, promise, Mutation::None),
        };
        injected += outcome.injected;
        slowest = slowest.max(outcome.took);
        if !outcome.is_good() {
            bad += 1;
            println!("{outcome}");
        }
        if (done + 1) % 10_000 == 0 {
            println!("{} of {seeds} seeds, {bad} bad", done + 1);
        }
    }
    println!(
        "{seeds} seeds, {} with exactly one cluster, {bad} without",
        seeds - bad
    );
    println!("slowest to be one cluster after the faults ended: {slowest:.1?} of virtual time");
    println!("injected: {injected}");
    bad == 0
}

fn simulate_whole_nodes(args: &Args, seeds: u64) -> bool {
    let (mut injected, mut bad) = (whole_nodes::Injected::default(), 0_u64);
    let (mut took, mut lasted) = (BTreeMap::<_, Duration>::new(), Duration::ZERO);
    let mut clusters = BTreeMap::<_, u64>::new();
    for (done, seed) in (args.from..args.from.saturating_add(seeds)).enumerate() {
        let outcome = if args.beyond {
            whole_nodes::run_beyond(seed)
        } else {
            whole_nodes::run(seed, whole_nodes::Mutation::None)
        };
        *clusters.entry(outcome.clusters).or_default() += 1;
        injected += outcome.injected;
        lasted += outcome.lasted;
        for (what, this) in &outcome.took {
            let longest = took.entry(*what).or_default();
            *longest = (*longest).max(*this);
        }
        if args.show {
            println!("{}{}", outcome.plan, outcome.log.join("\n"));
        }
        if outcome.broken.is_some() {
            bad += 1;
            println!("{outcome}");
        }
        if (done + 1) % 20 == 0 {
            println!("{} of {seeds} seeds, {bad} bad", done + 1);
        }
    }
    println!("{seeds} seeds, {lasted:.0?} of virtual time, {bad} that break an invariant");
    for (clusters, seeds) in clusters {
        println!("{seeds} seeds with {clusters} clusters that ever were");
    }
    for (what, longest) in took {
        println!("{what}: {longest:.2?} at most");
    }
    println!("injected: {injected}");
    bad == 0
}
