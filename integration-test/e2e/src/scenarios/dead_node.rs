//! `dead-node`: AWS lists a running task whose node never answers, and the others form the cluster without it.

use super::expect::{FORMING, form_one_cluster};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    record::Record,
};

/// Shows it with `nodes` tasks that live, and one that does not.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(sandbox);
    fleet.place(nodes + 1)?;
    // With the lowest address, so that it is the one that would found the cluster.
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
