//! A cold start of many nodes in virtual time: how long it takes, and how many AWS calls and probes it needs.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use simulation::cold_start;

use super::tell;

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    nodes: u16,
    /// How many nodes start per second; the desired count is raised with them [default: all within one second]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    per_second: Option<u32>,
    /// How many more tasks AWS lists that never get an address
    #[arg(long, default_value_t = 0)]
    never_ready: u16,
    /// The round-trip time to AWS and between nodes, in milliseconds
    #[arg(long, default_value_t = 40)]
    round_trip: u64,
    /// The seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Then let the settled cluster meet an older one of this many nodes, and measure how soon all nodes have joined
    /// that one
    #[arg(long)]
    meet: Option<u16>,
    /// Also write the figures here as JSON; `-` writes JSON, and nothing else, to standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Starts all nodes.
///
/// # Errors
///
/// If they do not become one cluster, or the figures cannot be written.
pub fn measure(options: &Options) -> anyhow::Result<()> {
    let what = cold_start::Options {
        nodes: options.nodes.into(),
        per_second: options.per_second,
        never_ready: options.never_ready,
        round_trip: Duration::from_millis(options.round_trip),
        seed: options.seed,
    };
    let (figures, cost) = cold_start::run(&what);
    let json = serde_json::to_string(&figures).context("write the figures as JSON")?;
    let only_json = options.json.as_deref().is_some_and(|path| path == "-");
    if only_json {
        println!("{json}");
    } else {
        let seconds = |seconds: Option<f64>| {
            seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.2} s"))
        };
        tell("nodes", figures.nodes);
        tell("clusters that were ever started", figures.clusters);
        tell("members of the largest", figures.members);
        tell("all in one cluster after", seconds(figures.seconds));
        tell(
            "from start to member: half within",
            seconds(figures.median_seconds_to_member),
        );
        tell("  99 of 100 within", seconds(figures.p99_seconds_to_member));
        let each = |figure: f64| format!("{figure:.2}");
        tell(
            "calls to AWS for each node, granted",
            each(figures.granted_calls_per_node),
        );
        tell(
            "  and throttled ones with them",
            each(figures.attempted_calls_per_node),
        );
        tell(
            "probes of each in the busiest second",
            each(figures.peak_probes_per_node_second),
        );
        if 0 < cost.turns {
            tell(
                "a turn of a node that asks all others, on this machine",
                format!("{:.1?}", cost.median),
            );
            tell("  99 of 100 within", format!("{:.1?}", cost.p99));
        }
    }
    if let Some(path) = options.json.as_deref().filter(|_| !only_json) {
        std::fs::write(path, json + "\n")
            .with_context(|| format!("write the figures to {}", path.display()))?;
    }
    anyhow::ensure!(
        figures.clusters == 1 && figures.members == figures.nodes,
        "the nodes did not become one cluster"
    );
    if let Some(older) = options.meet {
        let met = cold_start::meet(&what, older.into())
            .context("not all nodes joined the older cluster within 5 minutes")?;
        if !only_json {
            tell(
                "calls to AWS a second and page, to watch",
                format!("{:.2}", met.calls_per_second_and_page),
            );
            tell(
                "an older cluster is noticed after",
                format!("{:.1?}", met.noticed),
            );
            tell(
                "  and all have joined it after",
                format!("{:.1?}", met.left_for),
            );
        }
    }
    Ok(())
}
