//! A member that stays while all others are replaced: whether it grows, and whether its cluster heals as fast at the
//! end as at the beginning.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::time::Instant;

use super::{
    PATIENCE, mib,
    process::{descriptors, resident},
    running, tell,
};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    nodes::{node::Node, settings::Settings},
    scenarios::expect::form_one_cluster,
};

/// So many more descriptors and tasks do not count as growth: connections come and go.
const TOLERANCE: usize = 10;

/// How often progress is printed.
const PROGRESS: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes; the first stays, the others are replaced at new addresses one after the other
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    size: u16,
    /// How long to run, in minutes, at most a week
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: u64,
    /// The program that the nodes run [default: the demo-node of this build]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// How the survivor was after one replacement.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// In KiB.
    resident: u64,
    descriptors: usize,
    tasks: usize,
    /// From the end of a node until its successor is a member and no member lists the old node.
    healed: Duration,
    /// Whether it ended without leaving.
    crashed: bool,
}

/// Replaces nodes continuously. Every second one leaves, the others are killed.
///
/// # Errors
///
/// When the cluster does not heal, or the survivor has more descriptors or tasks at the end.
pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let (runtime, _logs) = running::runtime(options.program.clone())?;
    let sandbox = Sandbox::create(&runtime, "soak").await?;
    let settings = Settings::default().with("LOG_LEVEL", "warn");
    let mut survivors = Fleet::create(&sandbox)
        .called("survivor")
        .with(settings.clone());
    survivors.scale_out(1)?;
    let mut others = Fleet::create(&sandbox).with(settings);
    let size = usize::from(options.size) - 1;
    others.scale_out(size)?;
    let survivor = *survivors.nodes().first().context("no node runs")?;
    form_one_cluster(PATIENCE, &together(survivor, &others)).await?;
    tell("nodes", options.size);

    let begin = Instant::now();
    let end = begin + Duration::from_secs(60 * options.minutes);
    let mut next_word = begin + PROGRESS;
    let mut samples = Vec::new();
    while Instant::now() < end {
        let crashed = samples.len() % 2 == 0;
        let gone = others.take_oldest();
        let ended = Instant::now();
        if crashed {
            gone.crash().await?;
        } else {
            gone.stop().await?;
        }
        others.scale_out(size)?;
        form_one_cluster(PATIENCE, &together(survivor, &others)).await?;
        let healed = ended.elapsed();
        let sample = sample(survivor, healed, crashed).await?;
        samples.push(sample);
        if next_word <= Instant::now() {
            next_word += PROGRESS;
            say(begin.elapsed(), samples.len(), &sample);
        }
    }
    compare(&samples)
}

fn together<'a>(survivor: &'a Node, others: &'a Fleet<'_>) -> Vec<&'a Node> {
    std::iter::once(survivor).chain(others.nodes()).collect()
}

async fn sample(survivor: &Node, healed: Duration, crashed: bool) -> anyhow::Result<Sample> {
    let process = survivor.id().context("the survivor has ended")?;
    let metrics = survivor.get("/metrics").await?.body;
    let tasks = metrics
        .lines()
        .find_map(|line| line.strip_prefix("demo_node_tasks "))
        .and_then(|tasks| tasks.parse().ok())
        .context("/metrics does not give the number of tasks")?;
    Ok(Sample {
        resident: resident(process)?,
        descriptors: descriptors(process)?,
        tasks,
        healed,
        crashed,
    })
}

fn say(since: Duration, replaced: usize, sample: &Sample) {
    tell(
        &format!("after {} min, {replaced} replaced", since.as_secs() / 60),
        format!(
            "{}, {} descriptors, {} tasks",
            mib(sample.resident),
            sample.descriptors,
            sample.tasks
        ),
    );
}

/// Compares the end with the beginning: a fifth of the run each.
fn compare(samples: &[Sample]) -> anyhow::Result<()> {
    let part = (samples.len() / 5).max(1);
    let (first, last) = (&samples[..part], &samples[samples.len() - part..]);
    let pair = |what: &str, of: &dyn Fn(&[Sample]) -> String| {
        tell(what, format!("{}, then {}", of(first), of(last)));
    };
    tell("replaced", samples.len());
    pair("memory", &|part| {
        mib(median(part, |sample| sample.resident))
    });
    let apart = u64::try_from(samples.len() - part)
        .unwrap_or(u64::MAX)
        .max(1);
    let memory = [first, last].map(|part| median(part, |sample| sample.resident));
    let grown = memory[1].saturating_sub(memory[0]) as f64 / apart as f64;
    tell("  more for each one replaced", format!("{grown:.2} KiB"));
    pair("descriptors", &|part| {
        median(part, |sample| sample.descriptors).to_string()
    });
    pair("tasks", &|part| {
        median(part, |sample| sample.tasks).to_string()
    });
    for (what, crashed) in [
        ("healed after one left", false),
        ("healed after one crashed", true),
    ] {
        pair(what, &|part| {
            let part: Vec<Sample> = part
                .iter()
                .filter(|s| s.crashed == crashed)
                .copied()
                .collect();
            format!(
                "{:.2} s",
                median(&part, |sample| sample.healed).as_secs_f64()
            )
        });
    }
    for (what, of) in [
        (
            "descriptors",
            (|sample| sample.descriptors) as fn(&Sample) -> usize,
        ),
        ("tasks", |sample| sample.tasks),
    ] {
        let (before, after) = (median(first, of), median(last, of));
        ensure!(
            after <= before + TOLERANCE,
            "the survivor's {what} grew from {before} to {after}"
        );
    }
    Ok(())
}

fn median<T: Ord + Default>(samples: &[Sample], of: impl Fn(&Sample) -> T) -> T {
    let mut all: Vec<T> = samples.iter().map(of).collect();
    all.sort_unstable();
    let middle = all.len() / 2;
    all.into_iter().nth(middle).unwrap_or_default()
}
