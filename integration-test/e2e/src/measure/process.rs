//! What a process uses, according to Linux.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// How long the threads of these processes have run; proc(5), `schedstat`, in nanoseconds.
pub(super) fn on_cpu(processes: &[u32]) -> anyhow::Result<Duration> {
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

/// How much memory a process has, in KiB; proc(5), `status`.
pub(super) fn resident(process: u32) -> anyhow::Result<u64> {
    let file = format!("/proc/{process}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.parse().ok())
        .with_context(|| format!("{file} has no VmRSS"))
}

/// How many descriptors a process has open; proc(5), `fd`.
pub(super) fn descriptors(process: u32) -> anyhow::Result<usize> {
    let folder = format!("/proc/{process}/fd");
    let open = fs::read_dir(&folder).with_context(|| format!("reading {folder}"))?;
    Ok(open.count())
}
