//! `scale`: a service grows and shrinks, and stays the same cluster.

use anyhow::ensure;
use futures::future::{try_join, try_join_all};

use super::expect::{FORMING, LEFT, left_in_time, one_cluster, within};
use crate::e2e::{deployment::Deployment, fleet::Fleet, record::Record};

/// How many tasks come, and go again.
const MORE: usize = 4;

/// Shows it with `nodes` tasks, more, and `nodes` again.
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

    fleet.scale_out(nodes + MORE)?;
    let grown = record
        .step(
            format!("{MORE} more join it"),
            within(FORMING, async || one_cluster(&fleet.nodes()).await),
        )
        .await?;
    ensure!(grown == founded, "the cluster was {founded} and is {grown}");

    fleet.desire(nodes);
    // The first go: the founder and the leader are among them.
    let leaving: Vec<_> = (0..MORE)
        .map(|_| left_in_time(fleet.take_oldest()))
        .collect();
    let staying = fleet.nodes();
    let (_, shrunk) = try_join(
        record.step(format!("{MORE} end by themselves"), try_join_all(leaving)),
        record.step(
            format!("{nodes} are left"),
            within(LEFT, async || one_cluster(&staying).await),
        ),
    )
    .await?;
    ensure!(
        shrunk == founded,
        "the cluster was {founded} and is {shrunk}"
    );
    Ok(())
}
