//! `ecs-service`: the tasks of a service form one cluster, and nodes of other tasks stay out.

use std::net::Ipv4Addr;

use region::{Action, Fault, Task};

use super::{
    decoys::Decoys,
    expect::{FORMING, form_one_cluster},
};
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
    fleet.place(nodes)?;

    let decoys = Decoys::start(
        sandbox,
        record,
        "another service's task, a stopped task, a stopping task, one that is listed but gone",
        &place_decoys(sandbox)?,
    )
    .await?;

    fleet.start()?;
    let tasks = fleet.nodes();
    let cluster = record
        .step(
            format!("{nodes} tasks form one cluster"),
            form_one_cluster(FORMING, &tasks),
        )
        .await?;

    decoys.stay_out(record, &cluster).await
}

/// Tasks that must not count. Returns their addresses.
fn place_decoys(sandbox: &Sandbox<'_>) -> anyhow::Result<[Ipv4Addr; 4]> {
    let [other, stopped, stopping, gone] = [
        sandbox.free_address()?,
        sandbox.free_address()?,
        sandbox.free_address()?,
        sandbox.free_address()?,
    ];
    let region = sandbox.region();

    let gone_task = region.edit(|account| {
        account.put_service(ECS_CLUSTER, "payments", 1);
        account.run_task(Task::of_service(ECS_CLUSTER, "payments").at(other));

        let task = account.run_task(Task::of_service(ECS_CLUSTER, ORDERS).at(stopped));
        account.finish_task(&task);

        let task = account.run_task(Task::of_service(ECS_CLUSTER, ORDERS).at(stopping));
        account.stop_task(&task);

        account.run_task(Task::of_service(ECS_CLUSTER, ORDERS).at(gone))
    });
    let listed = region.snapshot();
    region.edit(|account| account.forget_task(&gone_task));
    region
        .faults()
        .add(Fault::Stale(listed).on([Action::ListTasks]));

    Ok([other, stopped, stopping, gone])
}
