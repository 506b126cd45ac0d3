//! `merge`: two clusters with the same name become one.
//!
//! AWS lists two groups of nodes separately, and each group is told that there are no other nodes. So each founds a
//! cluster, which no rule can prevent. When AWS lists all of them, the younger cluster joins the older.

use std::time::Duration;

use anyhow::ensure;
use futures::future::try_join_all;

use super::{
    expect::{FORMING, be_cluster, form_one_cluster, one_cluster, within},
    views::see_only_each_other,
};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    nodes::{node::Node, settings::Settings},
    record::Record,
};

/// So that each group can reach a majority.
const AT_LEAST: usize = 5;

/// The nodes of the younger cluster.
const YOUNGER: usize = 2;

/// How often a member looks for other clusters: more often than usual, so that nobody waits long.
const WATCH: &str = "3s";

/// The time until a member looks again, and the younger cluster has joined the older.
const MERGED: Duration = Duration::from_secs(20);

/// Shows it with `nodes` tasks, and no fewer than five.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let nodes = nodes.max(AT_LEAST);
    let older = apart(sandbox, "older", nodes - YOUNGER)?;
    let before = record
        .step(
            format!("{} tasks form a cluster", nodes - YOUNGER),
            form_one_cluster(FORMING, &older.nodes()),
        )
        .await?;
    let younger = apart(sandbox, "younger", YOUNGER)?;
    let rival = record
        .step(
            format!("{YOUNGER} that AWS lists separately form another"),
            form_one_cluster(FORMING, &younger.nodes()),
        )
        .await?;
    ensure!(
        before != rival,
        "two groups that AWS lists separately are both {before}"
    );
    be_cluster(FORMING, &older.nodes(), &before).await?;

    sandbox.region().faults().clear();
    let all = [older.nodes(), younger.nodes()].concat();
    let merging = within(MERGED, async || {
        let now = one_cluster(&all).await?;
        ensure!(
            now == before,
            "all are in {now}, but the older was {before}"
        );
        Ok(())
    });
    record
        .step("AWS lists them all: the younger joins the older", merging)
        .await?;
    record
        .step("the alarm was raised", alarm_raised(&all))
        .await
}

/// Tasks that see only each other, as if there were no others.
fn apart<'sandbox>(
    sandbox: &'sandbox Sandbox<'sandbox>,
    name: &'static str,
    nodes: usize,
) -> anyhow::Result<Fleet<'sandbox>> {
    let alone = Settings::default()
        .with("BOOTSTRAP_EXPECTED_NODES", &nodes)
        .with("BOOTSTRAP_WATCH_INTERVAL", &WATCH);
    let mut fleet = Fleet::create(sandbox).called(name).with(alone);
    fleet.place(nodes)?;
    let region = sandbox.region();
    for rule in see_only_each_other(region, &fleet.placed()) {
        region.faults().add(rule);
    }
    fleet.start()?;
    Ok(fleet)
}

async fn alarm_raised(nodes: &[&Node]) -> anyhow::Result<()> {
    let raised = "demo_node_rival_cluster_alarms_total ";
    let metrics = try_join_all(nodes.iter().map(|node| node.get("/metrics"))).await?;
    let alarms = metrics
        .iter()
        .flat_map(|answer| answer.body.lines())
        .filter_map(|line| line.strip_prefix(raised))
        .filter(|count| *count != "0")
        .count();
    ensure!(alarms > 0, "no node counts an alarm");
    Ok(())
}
