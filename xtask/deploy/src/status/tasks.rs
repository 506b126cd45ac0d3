//! The tasks of an ECS service.

use std::net::Ipv4Addr;

use anyhow::Context;
use aws_sdk_ecs::types::{Attachment, Task};

use super::{host::Host, table::Row};
use crate::account::Account;

/// As ECS describes them, after how many run of those that should.
pub(super) async fn of_service(
    account: &Account,
    cluster: &str,
    service: &str,
) -> anyhow::Result<(Option<Row>, Vec<Host>)> {
    let ecs = aws_sdk_ecs::Client::new(&account.config);
    let services = ecs.describe_services().cluster(cluster).services(service);
    let services = services.send().await.context("describing the service")?;
    let counts = services.services().first().map(|it| {
        let run = format!("{} of {} tasks run", it.running_count, it.desired_count);
        Row::new("service", service, &run)
    });

    let mut arns = Vec::new();
    let mut pages = ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.context("listing the tasks")?;
        arns.extend(page.task_arns.unwrap_or_default());
    }
    let mut hosts = Vec::new();
    for arns in arns.chunks(100) {
        let described = ecs
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(arns.to_vec()));
        let described = described.send().await.context("describing the tasks")?;
        hosts.extend(described.tasks().iter().map(host));
    }
    Ok((counts, hosts))
}

fn host(task: &Task) -> Host {
    let status = task.last_status().unwrap_or_default();
    // Healthy is who is a member.
    let health = task.health_status().map_or("", |health| health.as_str());
    Host {
        kind: "task",
        address: address(task),
        state: format!("{status} {health}"),
    }
}

/// The address of a task's own network interface.
pub fn address(task: &Task) -> Option<Ipv4Addr> {
    task.attachments()
        .iter()
        .flat_map(Attachment::details)
        .find(|detail| detail.name() == Some("privateIPv4Address"))
        .and_then(|detail| detail.value()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{HealthStatus, KeyValuePair};

    use super::*;

    #[test]
    fn a_task_is_shown_with_its_address_its_state_and_its_health() {
        let address = KeyValuePair::builder()
            .name("privateIPv4Address")
            .value("10.76.0.4");
        let task = Task::builder()
            .last_status("RUNNING")
            .health_status(HealthStatus::Healthy)
            .attachments(Attachment::builder().details(address.build()).build())
            .build();

        assert_eq!(
            host(&task).row(),
            Row::new("task", "10.76.0.4", "RUNNING HEALTHY")
        );
    }
}
