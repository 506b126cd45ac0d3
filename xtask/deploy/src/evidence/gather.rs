//! Asks for everything that can be known about a failure while it can be known. If something cannot be read, that is
//! not another failure.

use std::collections::BTreeSet;

use anyhow::Context;
use aws_sdk_ec2::types::{Filter, Instance, Reservation};
use aws_sdk_ecs::types::{DesiredStatus, Service, Task};
use aws_smithy_types::DateTime;
use discovery::excerpt;

use super::telling::{Evidence, LONGEST, last_words, of_instance, of_task};
use crate::{
    account::Account,
    logs::{self, Part},
    stacks::Failure,
};

/// How many of each are shown, so that the reason stays on the screen.
const MOST: usize = 3;
const MOST_LINES: usize = 5;

/// How many log lines are requested: for an instance, other lines follow after the relevant ones.
const MOST_LINES_READ: u32 = 30;

/// The task or instance that runs a node, or ran one.
struct Host {
    line: String,
    /// The name of its log.
    stream: String,
}

/// What AWS knows about the failure of a stack whose nodes belong to this service.
pub async fn gather(account: &Account, failure: &Failure, service: &str) -> Evidence {
    let mut evidence = Evidence::default();
    let resource = |kind: &str| failure.resources.get(kind).map(String::as_str);
    let mut hosts = Vec::new();
    if let (Some(cluster), Some(_)) = (resource("AWS::ECS::Cluster"), resource("AWS::ECS::Service"))
    {
        match events(account, cluster, service).await {
            Ok(events) => evidence.events = events,
            Err(error) => evidence.gaps.push(format!("{error:#}")),
        }
        match tasks(account, cluster, service).await {
            Ok(tasks) => hosts.extend(tasks),
            Err(error) => evidence.gaps.push(format!("{error:#}")),
        }
    }
    if let Some(group) = resource("AWS::AutoScaling::AutoScalingGroup") {
        match instances(account, group, service, &failure.gave_up).await {
            Ok(instances) => hosts.extend(instances),
            Err(error) => evidence.gaps.push(format!("{error:#}")),
        }
    }
    if let Some(group) = resource("AWS::Logs::LogGroup") {
        for host in hosts.iter().take(MOST) {
            let lines = logs::read(
                &account.config,
                group,
                &host.stream,
                Part::Last(MOST_LINES_READ),
            );
            match lines.await {
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => {
                    evidence.log = last_words(&lines, MOST_LINES);
                    break;
                }
                Err(error) => {
                    evidence.gaps.push(format!("the log: {error:#}"));
                    break;
                }
            }
        }
    }
    evidence.hosts = hosts.into_iter().map(|host| host.line).collect();
    for gap in &mut evidence.gaps {
        *gap = excerpt(gap, LONGEST);
    }
    evidence
}

/// ECS's last messages, the newest last.
async fn events(account: &Account, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
    let ecs = aws_sdk_ecs::Client::new(&account.config);
    let described = ecs.describe_services().cluster(cluster).services(service);
    let described = described.send().await.context("describing the service")?;
    let events = described.services().first().map(Service::events);
    let mut events: Vec<_> = events
        .unwrap_or_default()
        .iter()
        .take(MOST)
        .map(|event| excerpt(event.message().unwrap_or_default(), LONGEST))
        .collect();
    events.reverse();
    Ok(events)
}

/// The stopped ones, the latest first; if there are none, those that are not members.
async fn tasks(account: &Account, cluster: &str, service: &str) -> anyhow::Result<Vec<Host>> {
    let stopped = described(account, cluster, service, DesiredStatus::Stopped).await?;
    let mut tasks = match stopped.is_empty() {
        false => stopped,
        true => described(account, cluster, service, DesiredStatus::Running).await?,
    };
    tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(DateTime::secs)));
    let host = |task: &Task| {
        let id = task.task_arn().and_then(|arn| arn.rsplit('/').next());
        let container = task.containers().first().and_then(|it| it.name());
        Host {
            line: of_task(task),
            // As in the template: the prefix, the container and the task.
            stream: format!(
                "{service}/{}/{}",
                container.unwrap_or("demo-node"),
                id.unwrap_or_default()
            ),
        }
    };
    Ok(tasks.iter().map(host).collect())
}

async fn described(
    account: &Account,
    cluster: &str,
    service: &str,
    status: DesiredStatus,
) -> anyhow::Result<Vec<Task>> {
    let ecs = aws_sdk_ecs::Client::new(&account.config);
    // One page has a hundred: enough to see the cause.
    let listed = ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .desired_status(status);
    let listed = listed.send().await.context("listing the tasks")?;
    let arns = listed.task_arns.unwrap_or_default();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let described = ecs
        .describe_tasks()
        .cluster(cluster)
        .set_tasks(Some(arns))
        .send();
    let described = described.await.context("describing the tasks")?;
    Ok(described.tasks.unwrap_or_default())
}

/// Including ended ones; those that gave up come first.
async fn instances(
    account: &Account,
    group: &str,
    service: &str,
    gave_up: &BTreeSet<String>,
) -> anyhow::Result<Vec<Host>> {
    let ec2 = aws_sdk_ec2::Client::new(&account.config);
    let of_group = Filter::builder()
        .name("tag:aws:autoscaling:groupName")
        .values(group);
    let described = ec2.describe_instances().filters(of_group.build()).send();
    let described = described.await.context("describing the instances")?;
    let instances = described
        .reservations()
        .iter()
        .flat_map(Reservation::instances);
    let mut instances: Vec<_> = instances.collect();
    let has_given_up = |instance: &Instance| {
        instance
            .instance_id()
            .is_some_and(|id| gave_up.contains(id))
    };
    instances.sort_by_key(|instance| !has_given_up(instance));
    let host = |instance: &Instance| Host {
        line: of_instance(instance, has_given_up(instance)),
        // As the user data has it.
        stream: format!("{service}/{}", instance.instance_id().unwrap_or_default()),
    };
    Ok(instances.into_iter().map(host).collect())
}
