//! `partition`: the network splits and heals, and the cluster is one again, the same as before.

use std::time::Duration;

use anyhow::ensure;
use futures::future::try_join;

use super::expect::{FORMING, REMOVED, one_cluster, within};
use crate::e2e::{deployment::Deployment, fleet::Fleet, record::Record};

/// The nodes of the smaller side; two, since a side of one has nobody to gossip with.
const SMALLER_SIDE: usize = 2;

/// So that the other side is larger.
const AT_LEAST: usize = 5;

/// From the healing of the network until all are one cluster again, at most.
const MERGED: Duration = Duration::from_secs(10);

/// Shows it with `nodes` tasks, and no fewer than five.
pub async fn show(
    deployment: &Deployment<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let nodes = nodes.max(AT_LEAST);
    let mut fleet = Fleet::create(deployment).on_network();
    fleet.scale_out(nodes)?;
    let whole = record
        .step(
            format!("{nodes} tasks form one cluster"),
            within(FORMING, async || one_cluster(&fleet.nodes()).await),
        )
        .await?;

    fleet.split(SMALLER_SIDE);
    let all = fleet.nodes();
    let (one, other) = all.split_at(SMALLER_SIDE);
    let halves = try_join(
        record.step(
            format!(
                "the network splits: {} nodes see only each other",
                one.len()
            ),
            within(REMOVED, async || one_cluster(one).await),
        ),
        record.step(
            format!(
                "the network splits: the other {} see only each other",
                other.len()
            ),
            within(REMOVED, async || one_cluster(other).await),
        ),
    )
    .await?;
    ensure!(
        halves == (whole.clone(), whole.clone()),
        "the cluster was {whole}, its halves are {halves:?}"
    );

    fleet.split(0);
    let healed = record
        .step(
            "the network heals: one cluster again",
            within(MERGED, async || one_cluster(&all).await),
        )
        .await?;
    ensure!(healed == whole, "the cluster was {whole} and is {healed}");
    Ok(())
}
