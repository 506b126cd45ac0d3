//! `cargo xtask status`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use aws_sdk_ecs::types::Task;

use super::{
    account::Account,
    options::{Place, Status},
    terminal::say,
};
use crate::{
    e2e::service::address,
    nodes::node::{Members, Node},
};

/// Where nodes answer, if at all from here.
const MANAGEMENT_PORT: u16 = 7626;

/// Shows the stacks and the cluster.
pub async fn status(options: &Status) -> anyhow::Result<()> {
    let account = Account::open(&options.place).await?;
    show(&options.place, &account).await
}

pub(super) async fn show(place: &Place, account: &Account) -> anyhow::Result<()> {
    let mut cluster = None;
    let stacks = [
        place.repository_stack(),
        place.network_stack(),
        place.service_stack(),
    ];
    for name in stacks {
        if let Some(stack) = account.stacks.find(&name).await? {
            say(&format!("stack    {name:<24} {}", stack.status));
            cluster = stack.outputs.get("ClusterName").cloned().or(cluster);
        }
    }
    let Some(cluster) = cluster else {
        say(&format!(
            "there is no service {} in {}",
            place.name,
            account.region()
        ));
        return Ok(());
    };

    let ecs = aws_sdk_ecs::Client::new(&account.config);
    let services = ecs
        .describe_services()
        .cluster(&cluster)
        .services(&place.name);
    let services = services.send().await.context("describing the service")?;
    if let Some(service) = services.services().first() {
        say(&format!(
            "service  {:<24} {} of {} tasks run",
            place.name, service.running_count, service.desired_count
        ));
    }
    let tasks = tasks(&ecs, &cluster, &place.name).await?;
    let mut told = None;
    for task in &tasks {
        let at = address(task);
        let shown = at.map_or_else(|| "no address yet".to_owned(), |ip| ip.to_string());
        let status = task.last_status().unwrap_or_default();
        // Healthy is who is a member.
        let health = task.health_status().map_or("", |health| health.as_str());
        say(&format!("task     {shown:<24} {status} {health}"));
        if let (None, Some(address)) = (&told, at) {
            told = members(address).await;
        }
    }
    match told {
        Some(members) => {
            say(&format!("members  {}", members.members.len()));
            for member in &members.members {
                let leads = members.leader.as_ref() == Some(&member.node);
                let leads = if leads { "leader" } else { "" };
                say(&format!(
                    "         {} {} {leads}",
                    member.node, member.status
                ));
            }
        }
        None if tasks.is_empty() => {}
        None => say(
            "members  cannot be asked from here, by design: nothing is reachable from outside. \
             HEALTHY says that a node is a member",
        ),
    }
    Ok(())
}

async fn tasks(
    ecs: &aws_sdk_ecs::Client,
    cluster: &str,
    service: &str,
) -> anyhow::Result<Vec<Task>> {
    let listed = ecs.list_tasks().cluster(cluster).service_name(service);
    let listed = listed.send().await.context("listing the tasks")?;
    if listed.task_arns().is_empty() {
        return Ok(Vec::new());
    }
    let described = ecs
        .describe_tasks()
        .cluster(cluster)
        .set_tasks(listed.task_arns);
    let described = described.send().await.context("describing the tasks")?;
    Ok(described.tasks.unwrap_or_default())
}

async fn members(address: Ipv4Addr) -> Option<Members> {
    let management = SocketAddr::from((address, MANAGEMENT_PORT));
    let node = Node::of_others(address.to_string(), String::new(), management);
    node.members().await.ok()
}
