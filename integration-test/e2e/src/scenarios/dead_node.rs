//! `dead-node`: AWS lists a running task whose node never answers, and the others do without it.

use super::expect::{FORMING, form_one_cluster};
use crate::{deployment::Deployment, fleet::Fleet, record::Record};

/// Shows it with `nodes` tasks that live, and one that does not.
pub async fn show(
    deployment: &Deployment<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(deployment);
    fleet.place(nodes + 1)?;
    // Of the lowest address, so that it is the one that would found the cluster.
    let _silent = fleet.lose_first()?;
    fleet.start()?;
    record
        .step(
            format!("{nodes} of {} listed tasks form one cluster", nodes + 1),
            form_one_cluster(FORMING, &fleet.nodes()),
        )
        .await?;
    Ok(())
}
