//! The lookups themselves, of a service of so many peers.

use std::{process::ExitCode, time::Duration};

use discovery::{Discovery, Lookup, Resolved};
use divan::Bencher;
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use super::{Endpoint, Failure, ROUND_TRIP};

const MEMORY: u64 = 64 << 20;

/// The fastest counts: the others tell what else the machine did.
const TRIES: u32 = 3;

const REFRESH: &str = "refresh";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Ecs,
    #[cfg(feature = "ec2")]
    Ec2,
}

impl Method {
    pub(crate) const ALL: &[Self] = &[
        Self::Ecs,
        #[cfg(feature = "ec2")]
        Self::Ec2,
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|method| method.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            #[cfg(feature = "ec2")]
            Self::Ec2 => "EC2",
        }
    }

    /// The most that AWS puts on one page.
    fn page(self) -> usize {
        match self {
            Self::Ecs => 100,
            #[cfg(feature = "ec2")]
            Self::Ec2 => 1_000,
        }
    }

    /// What a lookup may take in proportion to its round trips, and besides.
    fn overhead(self) -> (f64, Duration) {
        match self {
            Self::Ecs => (1.05, Duration::from_millis(20)),
            #[cfg(feature = "ec2")]
            Self::Ec2 => (1.15, Duration::from_millis(50)),
        }
    }

    /// For each peer, of time that no overlap can hide: a page of EC2 is 8 MB of XML, and the next
    /// one is asked for when it was read.
    fn reading(self) -> Duration {
        match self {
            Self::Ecs => Duration::ZERO,
            #[cfg(feature = "ec2")]
            Self::Ec2 => Duration::from_micros(200),
        }
    }

    /// The longest that a lookup may take.
    fn bound(self, size: usize) -> Result<Duration, Failure> {
        let pages = u32::try_from(size.div_ceil(self.page()))?;
        let (factor, besides) = self.overhead();
        let calls = (ROUND_TRIP * (pages + 1)).mul_f64(factor);
        let reading = self.reading() * u32::try_from(size)?;
        Ok(calls + reading + besides)
    }

    /// Only ECS remembers anything.
    fn lookups(self) -> &'static [&'static str] {
        match self {
            Self::Ecs => &["first", REFRESH],
            #[cfg(feature = "ec2")]
            Self::Ec2 => &["any"],
        }
    }
}

/// A client of its own for each lookup, so that nothing is known beforehand.
pub(crate) fn first(bencher: Bencher<'_, '_>, method: Method, size: usize) {
    let runtime = runtime().expect("a runtime starts");
    let endpoint = Endpoint::start(size).expect("the endpoint starts");
    let discovery = || runtime.block_on(endpoint.discovery(method));
    bencher
        .with_inputs(|| discovery().expect("the settings are right"))
        .bench_local_values(|discovery| {
            let resolved = runtime.block_on(look(&discovery)).expect("a view");
            // The client outlives its lookup, as in a node.
            (discovery, resolved)
        });
}

/// One client, that has looked up before.
pub(crate) fn refresh(bencher: Bencher<'_, '_>, method: Method, size: usize) {
    let runtime = runtime().expect("a runtime starts");
    let endpoint = Endpoint::start(size).expect("the endpoint starts");
    let discovery = runtime
        .block_on(endpoint.discovery(method))
        .expect("the settings are right");
    runtime.block_on(look(&discovery)).expect("a view");
    bencher.bench_local(|| runtime.block_on(look(&discovery)).expect("a view"));
}

/// Prints the rows of the table that belong to this size. To be run in a process of its own.
#[expect(clippy::print_stdout, reason = "that is what it is for")]
pub(crate) fn rows(method: Method, size: usize) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let endpoint = Endpoint::start(size)?;
    let mut discovery = runtime.block_on(endpoint.discovery(method))?;
    let bound = method.bound(size)?;
    let mut code = ExitCode::SUCCESS;
    let idle = memory("VmRSS")?;
    for lookup in method.lookups() {
        let mut took = Duration::MAX;
        let mut made = String::new();
        for _ in 0..TRIES {
            if *lookup != REFRESH {
                discovery = runtime.block_on(endpoint.discovery(method))?;
            }
            let started = Instant::now();
            let resolved = runtime.block_on(look(&discovery))?;
            took = took.min(started.elapsed());
            if resolved.targets.len() != size || !resolved.completeness.is_complete() {
                return Err(format!("{} of {size} were found", resolved.targets.len()).into());
            }
            made = calls(&resolved);
        }
        let peak = memory("VmHWM")?.saturating_sub(idle);
        if bound < took || MEMORY < peak {
            code = ExitCode::FAILURE;
        }
        println!(
            "| {} | {size} | {lookup} | {} ms | {} ms | {} | {:.1} MiB |",
            method.name(),
            took.as_millis(),
            bound.as_millis(),
            made,
            mebibytes(peak),
        );
    }
    Ok(code)
}

async fn look(discovery: &Discovery) -> Result<Resolved, discovery::Error> {
    let lookup = Lookup::new("orders");
    Box::pin(discovery.lookup(&lookup, Duration::from_secs(60))).await
}

/// One thread, so that all its allocations are one sample's.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn calls(resolved: &Resolved) -> String {
    let calls = resolved.calls.0.iter();
    let calls: Vec<String> = calls
        .map(|(action, count)| format!("{count} {action}"))
        .collect();
    calls.join(", ")
}

/// A line of the kernel's account of this process: `VmRSS` now, `VmHWM` at its highest.
fn memory(line: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kibibytes = status
        .lines()
        .find_map(|it| it.strip_prefix(line)?.strip_prefix(':'))
        .and_then(|it| it.split_whitespace().next())
        .ok_or("only Linux tells")?;
    Ok(kibibytes.parse::<u64>()? << 10)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
