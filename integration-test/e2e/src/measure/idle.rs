//! What nodes use that have nothing to do.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::time::sleep;

use super::{running, tell};
use crate::deployment::Deployment;

/// Whoever has just joined is still told about, and lists are read once more.
const SETTLING: Duration = Duration::from_secs(15);

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes
    #[arg(long, default_value_t = 50)]
    size: usize,
    /// For how many seconds they are watched
    #[arg(long, default_value_t = 60)]
    watch: u64,
    /// What they run [default: the demo-node that was built with this]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Starts a cluster of processes and watches it doing nothing. Needs Linux.
///
/// # Errors
///
/// When the cluster does not form, or a node ends.
pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let (host, _logs) = running::host(options.program.clone())?;
    let deployment = Deployment::create(&host, "idle").await?;
    let fleet = running::cluster(&deployment, options.size).await?;
    sleep(SETTLING).await;

    let processes: Vec<u32> = fleet.nodes().iter().filter_map(|node| node.id()).collect();
    ensure!(processes.len() == options.size, "not every node runs");
    let before = on_cpu(&processes)?;
    let watch = Duration::from_secs(options.watch);
    sleep(watch).await;
    let used = on_cpu(&processes)?.saturating_sub(before);

    let share = used.as_secs_f64() / watch.as_secs_f64() * 100.0;
    tell(
        "processor time of all together",
        format!("{share:.2} % of a core"),
    );
    let mut resident = processes
        .iter()
        .map(|process| resident(*process))
        .collect::<anyhow::Result<Vec<u64>>>()?;
    resident.sort_unstable();
    let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
    tell("resident memory, median", mib(resident[resident.len() / 2]));
    tell(
        "resident memory, largest",
        mib(resident[resident.len() - 1]),
    );
    Ok(())
}

/// How long the threads of these processes have run; proc(5), `schedstat`, in nanoseconds.
fn on_cpu(processes: &[u32]) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    for process in processes {
        let threads = format!("/proc/{process}/task");
        let threads = fs::read_dir(&threads).with_context(|| format!("reading {threads}"))?;
        for thread in threads {
            let file = thread?.path().join("schedstat");
            let text =
                fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let ran = text.split(' ').next().unwrap_or_default();
            sum += Duration::from_nanos(ran.parse().context("schedstat begins with a number")?);
        }
    }
    Ok(sum)
}

/// In KiB; proc(5), `status`.
fn resident(process: u32) -> anyhow::Result<u64> {
    let file = format!("/proc/{process}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.parse().ok())
        .with_context(|| format!("{file} has no VmRSS"))
}
