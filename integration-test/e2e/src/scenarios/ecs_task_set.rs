//! `ecs-task-set`: two task sets of one service are two clusters, and the green one takes over.

use anyhow::ensure;
use futures::future::try_join_all;

use super::expect::{FORMING, LEFT, be_cluster, form_one_cluster, left_in_time};
use crate::{
    local::{
        fleet::{ECS_CLUSTER, Fleet},
        sandbox::{ORDERS, Sandbox},
    },
    nodes::settings::Settings,
    record::Record,
};

/// Shows it with `nodes` tasks in each set.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut blue = task_set("blue", sandbox, nodes);
    blue.scale_out(nodes)?;
    let before = record
        .step(
            format!("{nodes} tasks of the blue set form one cluster"),
            form_one_cluster(FORMING, &blue.nodes()),
        )
        .await?;

    let mut green = task_set("green", sandbox, nodes);
    green.scale_out(nodes)?;
    let after = record
        .step(
            format!("{nodes} tasks of the green set form another"),
            form_one_cluster(FORMING, &green.nodes()),
        )
        .await?;
    ensure!(before != after, "blue and green are both in {before}");
    be_cluster(FORMING, &blue.nodes(), &before).await?;

    blue.desire(0);
    let leaving = (0..nodes).map(|_| left_in_time(blue.take_oldest()));
    let leaving: Vec<_> = leaving.collect();
    record
        .step("the blue set stops", try_join_all(leaving))
        .await?;
    be_cluster(LEFT, &green.nodes(), &after).await
}

fn task_set<'d>(name: &'static str, sandbox: &'d Sandbox<'d>, nodes: usize) -> Fleet<'d> {
    let settings = Settings::default()
        .with("DISCOVERY_METHOD", "aws-api-ecs-task-set")
        .with("DISCOVERY_AWS_API_ECS_TASK_SET_CLUSTER", ECS_CLUSTER)
        // The service's desired count is that of both sets together.
        .with("BOOTSTRAP_EXPECTED_NODES", &nodes);
    let fleet = Fleet::create(sandbox).called(name).with(settings);
    let id = sandbox
        .region()
        .edit(|account| account.put_task_set(ECS_CLUSTER, ORDERS));
    fleet.of(|task| task.started_by(&id))
}
