//! Measures clusters; `cargo xtask measure` builds and starts it.

use clap::{Parser, Subcommand};
use e2e::measure::{cold_start, idle, in_virtual_time, load, soak};

/// Measures clusters: how fast they settle, what they use, what they bear.
///
/// Figures other than those in virtual time are this machine's, and of this build; `--program` measures another.
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
    /// Many nodes that start together, in virtual time: how long it takes, and what it costs AWS and the network
    ColdStart(cold_start::Options),
    /// The membership of many nodes in virtual time: convergence, traffic, false alarms
    Virtual(in_virtual_time::Options),
    /// A cluster of processes that has nothing to do: processor time and memory
    Idle(idle::Options),
    /// A node's management HTTP under slow connections and many requests, and its cluster meanwhile; then nodes with few
    /// descriptors and a log that nobody reads
    Load(load::Options),
    /// A member that outlives all others: its memory, descriptors and tasks, and how fast its cluster heals
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
