//! A cluster of real processes, to be measured.

use std::{env, path::PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use super::{PATIENCE, report};
use crate::{
    deployment::Deployment, fleet::Fleet, host::Host, nodes::settings::Settings,
    scenarios::expect::form_one_cluster,
};

/// This machine, ready to run `program`, or the demo-node beside this program.
pub(super) fn host(program: Option<PathBuf>) -> anyhow::Result<(Host, TempDir)> {
    let logs = tempfile::Builder::new()
        .prefix("cluster-on-aws-measure-")
        .tempdir()
        .context("there is no room for the nodes' logs")?;
    let beside = env::current_exe().context("this program's own path is unknown")?;
    let program = program.unwrap_or_else(|| beside.with_file_name("demo-node"));
    Ok((Host::of_processes(program, logs.path().to_owned())?, logs))
}

/// So many nodes that are one cluster.
pub(super) async fn cluster<'deployment>(
    deployment: &'deployment Deployment<'deployment>,
    size: usize,
) -> anyhow::Result<Fleet<'deployment>> {
    let settings = Settings::default().with("LOG_LEVEL", "info");
    let mut fleet = Fleet::create(deployment).with(settings);
    let begin = tokio::time::Instant::now();
    fleet.scale_out(size)?;
    report("all started after", begin.elapsed());
    form_one_cluster(PATIENCE, &fleet.nodes()).await?;
    report("one cluster after", begin.elapsed());
    Ok(fleet)
}
