//! What idle nodes use.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use tokio::time::sleep;

use super::{
    mib,
    process::{on_cpu, resident},
    running, tell,
};
use crate::local::sandbox::Sandbox;

/// Other nodes are still told about a new member, and lists are read once more.
const SETTLING: Duration = Duration::from_secs(15);

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes
    #[arg(long, default_value_t = 50)]
    size: usize,
    /// How long to watch them, in seconds
    #[arg(long, default_value_t = 60)]
    watch: u64,
    /// The program that the nodes run [default: the demo-node of this build]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Starts a cluster of processes and watches it while it is idle. Needs Linux.
///
/// # Errors
///
/// When the cluster does not form, or a node ends.
pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let (runtime, _logs) = running::runtime(options.program.clone())?;
    let sandbox = Sandbox::create(&runtime, "idle").await?;
    let fleet = running::cluster(&sandbox, options.size).await?;
    sleep(SETTLING).await;

    let processes: Vec<u32> = fleet.nodes().iter().filter_map(|node| node.id()).collect();
    ensure!(processes.len() == options.size, "not every node runs");
    let before = on_cpu(&processes)?;
    let watch = Duration::from_secs(options.watch);
    sleep(watch).await;
    let used = on_cpu(&processes)?.saturating_sub(before);

    let share = used.as_secs_f64() / watch.as_secs_f64() * 100.0;
    tell(
        "processor time of all nodes together",
        format!("{share:.2} % of a core"),
    );
    let mut resident = processes
        .iter()
        .map(|process| resident(*process))
        .collect::<anyhow::Result<Vec<u64>>>()?;
    resident.sort_unstable();
    tell("resident memory, median", mib(resident[resident.len() / 2]));
    tell(
        "resident memory, largest",
        mib(resident[resident.len() - 1]),
    );
    Ok(())
}
