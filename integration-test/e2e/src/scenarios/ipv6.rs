//! `ipv6`: tasks with only IPv6 addresses form one cluster, without a setting for it.

use anyhow::{Context, ensure};
use region::Task;

use super::{
    expect::{FORMING, LEFT, form_one_cluster, gone, within},
    not_shown::NotShown,
};
use crate::{
    local::{
        fleet::ECS_CLUSTER,
        sandbox::{ORDERS, Sandbox},
    },
    nodes::{
        ipv6::{Ipv6Addresses, NONE},
        node::Node,
        settings::Settings,
    },
    record::Record,
};

/// Shows it with `nodes` tasks.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    // Kept until the nodes have ended.
    let addresses = Ipv6Addresses::claim().ok_or(NotShown(NONE))?;
    let region = sandbox.region();
    let desired = u32::try_from(nodes).context("that many tasks are too many")?;
    let mut tasks = Vec::new();
    for _ in 0..nodes {
        let address = addresses.next().context("all addresses are used")?;
        let task = region.edit(|account| {
            account.put_service(ECS_CLUSTER, ORDERS, desired);
            account.run_task(Task::of_service(ECS_CLUSTER, ORDERS).at_v6(address))
        });
        tasks.push((task, address));
    }
    // Which addresses to use is not among them.
    let settings = Settings::default()
        .with("DISCOVERY_METHOD", "aws-api-ecs")
        .with("DISCOVERY_AWS_API_ECS_CLUSTER", ECS_CLUSTER);
    let mut running = Vec::new();
    for (n, (task, address)) in (1..).zip(&tasks) {
        let environment = sandbox.task_environment(task);
        let name = format!("{ORDERS}-{n}");
        running.push(sandbox.start_at(name, *address, environment, settings.clone())?);
    }
    let all: Vec<&Node> = running.iter().collect();
    record
        .step(
            format!("{nodes} tasks with only IPv6 addresses form one cluster"),
            form_one_cluster(FORMING, &all),
        )
        .await?;

    let mut leaving = running.remove(0);
    let left: Vec<&Node> = running.iter().collect();
    let leave = async {
        let status = leaving.leave().await?;
        ensure!(status.success(), "{} ended with {status}", leaving.name());
        within(LEFT, async || gone(&left, leaving.uri()).await).await
    };
    record
        .step("one leaves, and no node lists it any more", leave)
        .await
}
