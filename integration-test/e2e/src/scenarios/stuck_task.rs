//! `stuck-task`: AWS lists a task that never gets an address, so that no list is complete, and the others form the
//! cluster without it.

use super::expect::form_as_one;
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    record::Record,
};

/// Shows it with `nodes` tasks beside the one that is stuck.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(sandbox);
    fleet.list_stuck_task();
    form_as_one(&mut fleet, record, nodes).await?;
    Ok(())
}
