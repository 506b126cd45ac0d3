//! `scale`: a service grows and shrinks, and stays the same cluster.

use futures::future::{try_join, try_join_all};

use super::expect::{FORMING, LEFT, be_cluster, form_as_one, left_in_time};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    record::Record,
};

/// How many tasks come, and go again.
const MORE: usize = 4;

/// Shows it with `nodes` tasks, more, and `nodes` again.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(sandbox);
    let founded = form_as_one(&mut fleet, record, nodes).await?;

    fleet.scale_out(nodes + MORE)?;
    record
        .step(
            format!("{MORE} more join it"),
            be_cluster(FORMING, &fleet.nodes(), &founded),
        )
        .await?;

    fleet.desire(nodes);
    // The first ones go, among them the founder and the leader.
    let leaving = (0..MORE).map(|_| left_in_time(fleet.take_oldest()));
    let leaving: Vec<_> = leaving.collect();
    try_join(
        record.step(format!("{MORE} stop when asked"), try_join_all(leaving)),
        record.step(
            format!("{nodes} are left"),
            be_cluster(LEFT, &fleet.nodes(), &founded),
        ),
    )
    .await?;
    Ok(())
}
