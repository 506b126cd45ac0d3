//! `failure`: a node is killed and replaced; another leaves of its own accord.

use std::time::Duration;

use anyhow::ensure;
use futures::future::try_join;

use super::expect::{
    FORMING, LEFT, REMOVED, gone, left_in_time, one_cluster, seen_unreachable, within,
};
use crate::e2e::{deployment::Deployment, fleet::Fleet, record::Record};

/// From the kill until somebody sees it.
const UNREACHABLE: Duration = Duration::from_secs(3);

/// Shows it with `nodes` tasks.
pub async fn show(
    deployment: &Deployment<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(deployment);
    fleet.scale_out(nodes)?;
    let cluster = record
        .step(
            format!("{nodes} tasks form one cluster"),
            within(FORMING, async || one_cluster(&fleet.nodes()).await),
        )
        .await?;

    let victim = fleet.take_oldest();
    let uri = victim.node().uri().to_owned();
    victim.crash().await?;
    let survivors = fleet.nodes();
    try_join(
        record.step(
            "the killed one is seen unreachable",
            within(UNREACHABLE, async || {
                seen_unreachable(&survivors, &uri).await
            }),
        ),
        record.step(
            "and is removed from every view",
            within(REMOVED, async || gone(&survivors, &uri).await),
        ),
    )
    .await?;

    fleet.scale_out(nodes)?;
    let after = record
        .step(
            "its replacement joins",
            within(FORMING, async || one_cluster(&fleet.nodes()).await),
        )
        .await?;
    ensure!(after == cluster, "the cluster was {cluster} and is {after}");

    fleet.desire(nodes - 1);
    let leaver = fleet.take_oldest();
    let uri = leaver.node().uri().to_owned();
    let others = fleet.nodes();
    try_join(
        record.step(
            "one that is asked to stop ends by itself",
            left_in_time(leaver),
        ),
        record.step(
            "it is gone from every view",
            within(LEFT, async || gone(&others, &uri).await),
        ),
    )
    .await?;

    let last = one_cluster(&others).await?;
    ensure!(last == cluster, "the cluster was {cluster} and is {last}");
    Ok(())
}
