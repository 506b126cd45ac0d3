//! `flaky-api`: AWS answers late, wrongly or not at all while nodes start, and still they form one cluster.

use std::time::Duration;

use region::{Action, Fault, Region};

use super::{expect::form_one_cluster, views::see_only_each_other};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    record::Record,
};

/// Enough for two groups that do not know each other.
const AT_LEAST: usize = 5;

/// How many see only each other at first; the others also see only each other.
const SMALLER_GROUP: usize = 2;

/// How many lists each node gets without the other group.
const STALE_LISTS: usize = 3;

/// Lookups fail repeatedly, and every failure makes the next pause longer.
const FORMING: Duration = Duration::from_secs(40);

/// The two calls of a lookup.
const LOOKUP: [Action; 2] = [Action::ListTasks, Action::DescribeTasks];

/// Shows it with `nodes` tasks, and no fewer than five.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let nodes = nodes.max(AT_LEAST);
    let region = sandbox.region();
    let mut fleet = Fleet::create(sandbox);
    fleet.place(nodes)?;

    // Every list looks complete, but is not: a node that trusted it would found a cluster only for its group.
    let placed = fleet.placed();
    let (one, other) = placed.split_at(SMALLER_GROUP);
    for group in [one, other] {
        for stale in see_only_each_other(region, group) {
            region.faults().add(stale.next(STALE_LISTS));
        }
    }
    make_lookups_flaky(region);

    fleet.start()?;
    record
        .step(
            format!("{nodes} tasks form exactly one cluster"),
            form_one_cluster(FORMING, &fleet.nodes()),
        )
        .await?;
    Ok(())
}

fn make_lookups_flaky(region: &Region) {
    let broken = Fault::Error {
        status: 500,
        code: "ServerException",
    };
    let slow = Fault::Delay(Duration::from_millis(300));
    let faults = region.faults();
    faults.add(Fault::Throttle.on(LOOKUP).with_probability(0.1));
    faults.add(broken.on(LOOKUP).with_probability(0.05));
    faults.add(slow.on(LOOKUP).with_probability(0.3));
    faults.add(Fault::ShortPages(3).on([Action::ListTasks]));
    faults.add(
        Fault::PartialList(1)
            .on([Action::ListTasks])
            .with_probability(0.2),
    );
}
