//! What an emulator or AWS can show of `ecs-service`, `scale`, `failure` and `rolling`: they run the tasks of a deployed stack themselves.

use std::slice::from_ref;

use anyhow::ensure;
use options::e2e::Scenario;

use super::expect::{agreed, within};
use crate::{estate::Estate, record::Record, service::Service};

/// How many tasks come, and go again.
pub const MORE: usize = 2;

/// Deploys a stack, shows the scenario on it, and deletes it whatever comes out.
pub async fn show(
    estate: &Estate,
    scenario: Scenario,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let name = scenario.name();
    let deploying = Service::deploy(estate, &name, nodes);
    let service = record.step("the stack is deployed", deploying).await?;

    let shown = show_on(&service, scenario, record, nodes).await;
    let saved = service.save_logs().await;
    let deleting = record.step(
        "the stack is deleted, and nothing is left",
        service.delete(),
    );
    let deleted = deleting.await;
    shown.and(saved).and(deleted)
}

async fn show_on(
    service: &Service<'_>,
    scenario: Scenario,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let founded = record
        .step(
            format!("{nodes} tasks form one cluster"),
            within(service.patience(), async || formed(service, nodes).await),
        )
        .await?;
    match scenario {
        Scenario::Scale => scale(service, record, nodes, &founded).await,
        Scenario::Failure => failure(service, record, nodes, &founded).await,
        Scenario::Rolling => rolling(service, record, nodes, &founded).await,
        Scenario::EcsService
        | Scenario::Ec2Tag
        | Scenario::Ec2Ports
        | Scenario::EcsTags
        | Scenario::EcsTaskSet
        | Scenario::LeastPrivilege
        | Scenario::Partition
        | Scenario::FlakyApi
        | Scenario::DeadNode
        | Scenario::Merge => Ok(()),
    }
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
    let what = "a container is killed, and a new task takes its place";
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
    let what = "the stack changes, and new tasks have taken the place of all";
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
