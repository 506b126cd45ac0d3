//! Measures clusters; `cargo xtask measure` builds and starts it.

use clap::{Parser, Subcommand};
use e2e::measure::{cold_start, idle, in_virtual_time, load, soak};

/// Measures clusters: how fast they form, what they use, how much load they take.
///
/// Figures that are not in virtual time depend on this machine and this build; `--program` measures another build.
#[derive(Debug, Parser)]
#[command(
    name = "measure",
    bin_name = "cargo xtask measure",
    max_term_width = 100
)]
struct Program {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Many nodes start together, in virtual time: how long it takes, how many AWS calls and probes it needs
    ColdStart(cold_start::Options),
    /// The membership of many nodes in virtual time: convergence, traffic, false alarms
    Virtual(in_virtual_time::Options),
    /// An idle cluster of processes: processor time and memory
    Idle(idle::Options),
    /// A node's management HTTP with slow connections and many requests, and what happens to its cluster; then nodes
    /// with few file descriptors and a log that nobody reads
    Load(load::Options),
    /// A member that stays while all others are replaced: its memory, descriptors and tasks, and how fast its cluster
    /// heals
    Soak(soak::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Program::parse().what {
        What::ColdStart(options) => cold_start::measure(&options),
        What::Virtual(options) => in_virtual_time::measure(&options),
        What::Idle(options) => idle::measure(&options).await,
        What::Load(options) => load::measure(&options).await,
        What::Soak(options) => soak::measure(&options).await,
    }
}
