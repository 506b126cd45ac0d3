//! `rolling`: every node is replaced, one by one, and the cluster stays the same.

use futures::future::try_join;

use super::expect::{FORMING, LEFT, be_cluster, form_as_one, left_in_time};
use crate::{
    local::{
        fleet::{ECS_CLUSTER, Fleet},
        sandbox::{ORDERS, Sandbox},
    },
    record::Record,
};

/// Shows it with `nodes` tasks.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(sandbox);
    let founded = form_as_one(&mut fleet, record, nodes).await?;

    sandbox
        .region()
        .edit(|account| account.deploy(ECS_CLUSTER, ORDERS));
    for n in 1..=nodes {
        // ECS starts a task above the desired count before it stops one.
        fleet.place_beyond(1)?;
        fleet.start()?;
        record
            .step(
                format!("new task {n} of {nodes} joins"),
                be_cluster(FORMING, &fleet.nodes(), &founded),
            )
            .await?;

        let old = fleet.take_oldest();
        try_join(
            record.step(format!("old task {n} stops when asked"), left_in_time(old)),
            record.step(
                format!("old task {n} is gone from every view"),
                be_cluster(LEFT, &fleet.nodes(), &founded),
            ),
        )
        .await?;
    }
    Ok(())
}
