//! `rolling`: every node is replaced, one by one, and the cluster stays the same.

use anyhow::ensure;
use futures::future::try_join;

use super::expect::{FORMING, LEFT, left_in_time, one_cluster, within};
use crate::e2e::{
    deployment::{Deployment, ORDERS},
    fleet::{ECS_CLUSTER, Fleet},
    record::Record,
};

/// Shows it with `nodes` tasks.
pub async fn show(
    deployment: &Deployment<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(deployment);
    fleet.scale_out(nodes)?;
    let founded = record
        .step(
            format!("{nodes} tasks form one cluster"),
            within(FORMING, async || one_cluster(&fleet.nodes()).await),
        )
        .await?;

    deployment
        .region()
        .edit(|account| account.deploy(ECS_CLUSTER, ORDERS));
    for n in 1..=nodes {
        // ECS starts a task above the desired count before it stops one.
        fleet.place_beyond(1)?;
        fleet.start()?;
        let grown = record
            .step(
                format!("new task {n} of {nodes} joins"),
                within(FORMING, async || one_cluster(&fleet.nodes()).await),
            )
            .await?;
        ensure!(grown == founded, "the cluster was {founded} and is {grown}");

        let old = fleet.take_oldest();
        let staying = fleet.nodes();
        let ((), shrunk) = try_join(
            record.step(format!("old task {n} ends by itself"), left_in_time(old)),
            record.step(
                format!("old task {n} is gone from every view"),
                within(LEFT, async || one_cluster(&staying).await),
            ),
        )
        .await?;
        ensure!(
            shrunk == founded,
            "the cluster was {founded} and is {shrunk}"
        );
    }
    Ok(())
}
