//! A cluster of real processes to measure.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use anyhow::Context as _;
use tempfile::TempDir;

use super::{PATIENCE, report};
use crate::{
    local::{fleet::Fleet, runtime::Runtime, sandbox::Sandbox},
    nodes::settings::Settings,
    scenarios::expect::form_one_cluster,
};

/// This machine, ready to run `program`, or the demo-node beside this program.
pub(super) fn runtime(program: Option<PathBuf>) -> anyhow::Result<(Runtime, TempDir)> {
    let logs = folder()?;
    Ok((
        Runtime::of_processes(chosen(program)?, logs.path().to_owned())?,
        logs,
    ))
}

/// What a pipe holds; pipe(7).
const PIPE: usize = 64 * 1024;

/// The same, for nodes that may have only so many descriptors, and whose log goes to a full pipe that nobody reads.
pub(super) fn impaired_runtime(
    program: Option<PathBuf>,
    descriptors: usize,
) -> anyhow::Result<(Runtime, TempDir)> {
    let folder = folder()?;
    let program = chosen(program)?;
    let script = folder.path().join("program.sh");
    let pipes = folder.path().display();
    let text = format!(
        "#!/bin/sh\nulimit -n {descriptors} && mkfifo '{pipes}/'$$ && exec 3<>'{pipes}/'$$ && \
         head -c {PIPE} /dev/zero >&3 && exec '{}' \"$@\" 2>&3\n",
        program.display()
    );
    fs::write(&script, text)
        .and_then(|()| fs::set_permissions(&script, Permissions::from_mode(0o755)))
        .with_context(|| format!("writing {}", script.display()))?;
    Ok((
        Runtime::of_processes(script, folder.path().to_owned())?,
        folder,
    ))
}

fn folder() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("cluster-on-aws-measure-")
        .tempdir()
        .context("the folder for the nodes' logs cannot be created")
}

fn chosen(program: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let beside = env::current_exe().context("this program's own path is unknown")?;
    Ok(program.unwrap_or_else(|| beside.with_file_name("demo-node")))
}

/// This many nodes that are one cluster.
pub(super) async fn cluster<'sandbox>(
    sandbox: &'sandbox Sandbox<'sandbox>,
    size: usize,
) -> anyhow::Result<Fleet<'sandbox>> {
    let settings = Settings::default().with("LOG_LEVEL", "info");
    let mut fleet = Fleet::create(sandbox).with(settings);
    let begin = tokio::time::Instant::now();
    fleet.scale_out(size)?;
    report("all started after", begin.elapsed());
    form_one_cluster(PATIENCE, &fleet.nodes()).await?;
    report("one cluster after", begin.elapsed());
    Ok(fleet)
}
