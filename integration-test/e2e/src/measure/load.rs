//! A node's management HTTP under load, and what happens to its cluster.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::ensure;
use hyper::StatusCode;
use observe::http;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

use super::{PATIENCE, running, tell};
use crate::{local::sandbox::Sandbox, scenarios::expect::form_one_cluster};

/// The pause between two bytes of a slow client.
const SLOWNESS: Duration = Duration::from_secs(1);

/// The log lines of a node about others that do not answer it.
const FLAPS: [&str; 2] = ["member does not answer", "member was removed as dead"];

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many nodes; the first is loaded
    #[arg(long, default_value_t = 5)]
    size: usize,
    /// Connections that send a byte a second
    #[arg(long, default_value_t = 200)]
    slow: usize,
    /// Requests a second for /alive, each on a connection of its own
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long to load it, in seconds
    #[arg(long, default_value_t = 30)]
    watch: u64,
    /// The program that the nodes run [default: the demo-node of this build]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Loads one node of a cluster; then starts another cluster, whose nodes have few descriptors and a blocked log.
///
/// # Errors
///
/// When the cluster does not form, a node does not answer, or a member is considered dead.
pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let (runtime, _logs) = running::runtime(options.program.clone())?;
    let sandbox = Sandbox::create(&runtime, "load").await?;
    let fleet = running::cluster(&sandbox, options.size).await?;
    let nodes = fleet.nodes();
    let loaded = nodes[0].management();

    let mut slow = JoinSet::new();
    for _ in 0..options.slow {
        slow.spawn(dawdle(loaded));
    }
    sleep(SLOWNESS).await;

    let mut asking = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / options.rate);
    let end = Instant::now() + Duration::from_secs(options.watch);
    while Instant::now() < end {
        ticks.tick().await;
        asking.spawn(async move {
            let asked = Instant::now();
            let answer = http::get(loaded, "/alive").await;
            let alive = answer.is_ok_and(|answer| answer.status == StatusCode::OK);
            alive.then(|| asked.elapsed())
        });
    }
    let answers = asking.join_all().await;
    slow.abort_all();

    let asked = answers.len();
    let mut took: Vec<Duration> = answers.into_iter().flatten().collect();
    took.sort_unstable();
    let failed = asked - took.len();
    tell("requests", asked);
    tell("  without an answer", failed);
    for (name, part) in [
        ("median", 0.5),
        ("99 of 100 within", 0.99),
        ("slowest", 1.0),
    ] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into the list"
        )]
        let at = ((took.len() as f64 * part) as usize).min(took.len().saturating_sub(1));
        let took = took.get(at).copied().unwrap_or_default();
        tell(
            &format!("  {name}"),
            format!("{:.1} ms", took.as_secs_f64() * 1e3),
        );
    }

    let flaps: usize = nodes
        .iter()
        .map(|node| {
            let log = node.log();
            FLAPS
                .iter()
                .map(|flap| log.matches(flap).count())
                .sum::<usize>()
        })
        .sum();
    tell("members considered unreachable or dead", flaps);
    for node in &nodes {
        node.ready().await?;
    }
    ensure!(failed == 0, "{failed} requests had no answer");
    ensure!(
        flaps == 0,
        "members were considered unreachable or dead under the load"
    );
    drop(fleet);
    impaired(options).await
}

/// How many descriptors each restricted node may have.
const DESCRIPTORS: usize = 64;

/// How many half-open requests each then gets: more than it can hold.
const HALF_OPEN: usize = 100;

/// How often it is asked during that time.
const QUESTIONS: usize = 500;

/// Nodes with few descriptors, whose log nobody reads: are they a cluster, and do they answer?
async fn impaired(options: &Options) -> anyhow::Result<()> {
    println!("nodes with {DESCRIPTORS} descriptors, whose log nobody reads:");
    let (runtime, _folder) = running::impaired_runtime(options.program.clone(), DESCRIPTORS)?;
    let sandbox = Sandbox::create(&runtime, "impaired").await?;
    let fleet = running::cluster(&sandbox, options.size).await?;
    let nodes = fleet.nodes();
    let mut half_open = JoinSet::new();
    for node in &nodes {
        for _ in 0..HALF_OPEN {
            half_open.spawn(dawdle(node.management()));
        }
    }
    sleep(SLOWNESS).await;
    let mut failed = 0;
    for _ in 0..QUESTIONS {
        for node in &nodes {
            let answer = http::get(node.management(), "/alive").await;
            failed += usize::from(!answer.is_ok_and(|answer| answer.status == StatusCode::OK));
        }
    }
    tell("requests", QUESTIONS * nodes.len());
    tell("  without an answer", failed);
    for node in &nodes {
        node.ready().await?;
    }
    form_one_cluster(PATIENCE, &nodes).await?;
    ensure!(failed == 0, "{failed} requests had no answer");
    Ok(())
}

/// Begins a request and never ends it; repeats that whenever the node closes the connection.
async fn dawdle(node: SocketAddr) {
    loop {
        let Ok(mut stream) = TcpStream::connect(node).await else {
            sleep(SLOWNESS).await;
            continue;
        };
        let mut rest = b"GET /alive HTTP/1.1\r\nhost: "
            .iter()
            .chain([b'a'].iter().cycle());
        while let Some(byte) = rest.next()
            && let Ok(Ok(())) = timeout(SLOWNESS, stream.write_all(&[*byte])).await
        {
            sleep(SLOWNESS).await;
        }
    }
}
