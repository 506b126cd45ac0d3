//! The scenarios `ecs-service`, `scale`, `failure` and `rolling` on an emulator or AWS, which run the tasks of a
//! deployed stack themselves.

use std::slice::from_ref;

use anyhow::ensure;
use futures::future::LocalBoxFuture;

use super::expect::{agreed, within};
use crate::{
    cloud::{Cloud, service::Service},
    record::Record,
};

/// How many tasks come, and go again.
const MORE: usize = 2;

/// A scenario on a deployed stack.
#[derive(Debug, Clone, Copy)]
pub struct OnStack {
    /// What happens when the tasks of the service are one cluster.
    pub then: Then,
    /// How many tasks of the service run at most at the same time, with this many at first.
    pub most_tasks: fn(usize) -> usize,
}

/// The service, what is seen, how many tasks it has, and their cluster.
pub type Then = for<'a> fn(
    &'a Service<'a>,
    &'a Record,
    usize,
    &'a str,
) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// More tasks come, and go again.
pub(super) const SCALE: OnStack = OnStack {
    then: |service, record, nodes, founded| Box::pin(scale(service, record, nodes, founded)),
    most_tasks: |nodes| nodes + MORE,
};

/// A container is killed.
pub(super) const FAILURE: OnStack = OnStack {
    then: |service, record, nodes, founded| Box::pin(failure(service, record, nodes, founded)),
    most_tasks: |nodes| nodes,
};

/// All tasks are replaced; the new run before the old end.
pub(super) const ROLLING: OnStack = OnStack {
    then: |service, record, nodes, founded| Box::pin(rolling(service, record, nodes, founded)),
    most_tasks: |nodes| 2 * nodes,
};

/// Deploys a stack named for the scenario, shows it there, and always deletes the stack.
pub async fn show(
    cloud: &Cloud,
    name: &str,
    OnStack { then, .. }: OnStack,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let deploying = Box::pin(Service::deploy(cloud, name, nodes));
    let service = record.step("the stack is deployed", deploying).await?;

    let showing = async {
        let forming = within(service.patience(), async || formed(&service, nodes).await);
        let what = format!("{nodes} tasks form one cluster");
        let founded = record.step(what, forming).await?;
        then(&service, record, nodes, &founded).await
    };
    let shown = showing.await;
    let saved = service.save_logs().await;
    let deleting = record.step(
        "the stack is deleted, and nothing is left",
        service.delete(),
    );
    let deleted = deleting.await;
    shown.and(saved).and(deleted)
}

async fn scale(
    service: &Service<'_>,
    record: &Record,
    nodes: usize,
    founded: &str,
) -> anyhow::Result<()> {
    service.scale(nodes + MORE).await?;
    let growing = within(service.patience(), async || {
        formed(service, nodes + MORE).await
    });
    let grown = record.step(format!("{MORE} more join it"), growing).await?;
    ensure!(grown == founded, "the cluster was {founded} and is {grown}");

    service.scale(nodes).await?;
    let shrinking = within(service.patience(), async || formed(service, nodes).await);
    let shrunk = record.step(format!("{nodes} are left"), shrinking).await?;
    ensure!(
        shrunk == founded,
        "the cluster was {founded} and is {shrunk}"
    );
    Ok(())
}

async fn failure(
    service: &Service<'_>,
    record: &Record,
    nodes: usize,
    founded: &str,
) -> anyhow::Result<()> {
    let killed = service.kill_one().await?;
    let replacing = within(service.patience(), async || {
        formed_without(service, nodes, from_ref(&killed)).await
    });
    let what = "a container is killed, and a new task replaces it";
    let after = record.step(what, replacing).await?;
    ensure!(after == founded, "the cluster was {founded} and is {after}");
    Ok(())
}

async fn rolling(
    service: &Service<'_>,
    record: &Record,
    nodes: usize,
    founded: &str,
) -> anyhow::Result<()> {
    let old = service.nodes(nodes).await?;
    let old: Vec<_> = old.iter().map(|node| node.name().to_owned()).collect();
    service.redeploy(nodes).await?;
    let replacing = within(service.patience(), async || {
        formed_without(service, nodes, &old).await
    });
    let what = "the stack changes, and new tasks have replaced all";
    let after = record.step(what, replacing).await?;
    ensure!(after == founded, "the cluster was {founded} and is {after}");
    Ok(())
}

/// The tasks that ECS lists, this many and none of `gone`, are one cluster.
async fn formed_without(
    service: &Service<'_>,
    nodes: usize,
    gone: &[String],
) -> anyhow::Result<String> {
    let views = service.views(nodes).await?;
    for view in &views {
        // A new task may get the address of an old one, so the names of tasks tell them apart.
        ensure!(!gone.contains(&view.name), "{} is still listed", view.name);
    }
    agreed(&views)
}

/// The tasks that ECS lists, this many, are one cluster.
async fn formed(service: &Service<'_>, nodes: usize) -> anyhow::Result<String> {
    formed_without(service, nodes, &[]).await
}
