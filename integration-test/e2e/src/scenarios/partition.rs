//! `partition`: the network splits and heals, and the cluster is one again, the same as before.

use std::time::Duration;

use futures::future::try_join;

use super::expect::{FORMING, REMOVED, be_cluster, form_one_cluster};
use crate::{deployment::Deployment, fleet::Fleet, record::Record};

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
            form_one_cluster(FORMING, &fleet.nodes()),
        )
        .await?;

    fleet.split(SMALLER_SIDE);
    let all = fleet.nodes();
    let (one, other) = all.split_at(SMALLER_SIDE);
    try_join(
        record.step(
            format!(
                "the network splits: {} nodes see only each other",
                one.len()
            ),
            be_cluster(REMOVED, one, &whole),
        ),
        record.step(
            format!(
                "the network splits: the other {} see only each other",
                other.len()
            ),
            be_cluster(REMOVED, other, &whole),
        ),
    )
    .await?;

    fleet.split(0);
    record
        .step(
            "the network heals: one cluster again",
            be_cluster(MERGED, &all, &whole),
        )
        .await
}
