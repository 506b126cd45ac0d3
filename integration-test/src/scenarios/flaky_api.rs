//! `flaky-api`: AWS answers late, wrongly or not at all while nodes start, and still they form one cluster.

use std::time::Duration;

use super::expect::{one_cluster, within};
use crate::{
    e2e::{deployment::Deployment, fleet::Fleet, record::Record},
    region::{Action, Fault},
};

/// Enough for two groups that do not know of each other, if anything let them form.
const AT_LEAST: usize = 5;

/// Lookups fail again and again, and every failure makes the next pause longer.
const FORMING: Duration = Duration::from_secs(40);

/// The two calls of a lookup.
const LOOKUP: [Action; 2] = [Action::ListTasks, Action::DescribeTasks];

/// Shows it with `nodes` tasks, and no fewer than five.
pub async fn show(
    deployment: &Deployment<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let nodes = nodes.max(AT_LEAST);
    let mut fleet = Fleet::create(deployment);

    fleet.place(2)?;
    let early = deployment.region().snapshot();
    fleet.place(nodes)?;

    let faults = deployment.region().faults();
    // Lists are stale and lack tasks, and look complete.
    faults.add(Fault::Stale(early).on([Action::ListTasks]).next(nodes));
    faults.add(
        Fault::PartialList(2)
            .on([Action::ListTasks])
            .with_probability(0.3),
    );
    faults.add(Fault::ShortPages(2).on([Action::ListTasks]));
    // Calls fail and take their time.
    faults.add(Fault::Throttle.on(LOOKUP).with_probability(0.2));
    let broken = Fault::Error {
        status: 500,
        code: "ServerException",
    };
    faults.add(broken.on(LOOKUP).with_probability(0.1));
    faults.add(
        Fault::Delay(Duration::from_millis(300))
            .on(LOOKUP)
            .with_probability(0.3),
    );

    fleet.start()?;
    record
        .step(
            format!("{nodes} tasks form exactly one cluster"),
            within(FORMING, async || one_cluster(&fleet.nodes()).await),
        )
        .await?;
    Ok(())
}
