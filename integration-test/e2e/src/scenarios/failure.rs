//! `failure`: a node is killed and replaced; another node leaves cleanly.

use std::time::Duration;

use futures::future::try_join;

use super::expect::{
    FORMING, LEFT, REMOVED, be_cluster, form_as_one, gone, left_in_time, seen_unreachable, within,
};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    record::Record,
};

/// The longest time from the kill until a node sees it.
const UNREACHABLE: Duration = Duration::from_secs(3);

/// Shows it with `nodes` tasks.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(sandbox);
    let cluster = form_as_one(&mut fleet, record, nodes).await?;

    let victim = fleet.take_oldest();
    let uri = victim.node().uri().to_owned();
    victim.crash().await?;
    let survivors = fleet.nodes();
    try_join(
        record.step(
            "the killed node becomes unreachable",
            within(UNREACHABLE, async || {
                seen_unreachable(&survivors, &uri).await
            }),
        ),
        record.step(
            "it is removed from every view",
            within(REMOVED, async || gone(&survivors, &uri).await),
        ),
    )
    .await?;

    fleet.scale_out(nodes)?;
    record
        .step(
            "its replacement joins",
            be_cluster(FORMING, &fleet.nodes(), &cluster),
        )
        .await?;

    fleet.desire(nodes - 1);
    let leaver = fleet.take_oldest();
    let uri = leaver.node().uri().to_owned();
    let others = fleet.nodes();
    try_join(
        record.step("another node stops when asked", left_in_time(leaver)),
        record.step(
            "it is gone from every view",
            within(LEFT, async || gone(&others, &uri).await),
        ),
    )
    .await?;

    be_cluster(LEFT, &others, &cluster).await
}
