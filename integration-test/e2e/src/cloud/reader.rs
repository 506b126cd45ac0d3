//! Asks nodes that cannot be reached from outside, as on AWS: a task in their network asks them, and its output is
//! read from its log.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_ecs::{
    Client,
    types::{Container, ContainerOverride, LaunchType, Tag, Task, TaskOverride},
};
use deploy::logs::{self, Part};
use observe::members::Members;
use tokio::time::{Instant, sleep};

/// The container in the template's task definition.
const CONTAINER: &str = "demo-node";

/// The `startedBy` of such tasks.
const STARTED_BY: &str = "e2e-reader";

/// AWS takes at most a minute to start a task, and a little to stop one.
const ENDED: Duration = Duration::from_secs(300);

/// A task's last lines appear in its log a little after its end.
const WRITTEN: Duration = Duration::from_secs(60);

/// The pause between two looks: all callers of an account and region share 20 calls a second.
const PAUSE: Duration = Duration::from_secs(2);

/// Reads from inside the network of a service.
#[derive(Debug)]
pub struct Reader {
    config: SdkConfig,
    ecs: Client,
    cluster: String,
    service: String,
    log_group: String,
}

impl Reader {
    /// For a service in a cluster, whose tasks log to this group.
    pub fn new(config: &SdkConfig, cluster: &str, service: &str, log_group: &str) -> Self {
        Self {
            config: config.clone(),
            ecs: Client::new(config),
            cluster: cluster.to_owned(),
            service: service.to_owned(),
            log_group: log_group.to_owned(),
        }
    }

    /// What each of these nodes says about its cluster.
    pub async fn ask(&self, nodes: &[SocketAddr]) -> anyhow::Result<Vec<Members>> {
        let task = self.start(nodes).await?;
        let ended = self.ended(&task).await?;
        let stream = format!("{}/{CONTAINER}/{}", self.service, id_of(&task));

        let deadline = Instant::now() + WRITTEN;
        loop {
            let lines = logs::read(&self.config, &self.log_group, &stream, Part::All).await?;
            let answers: Vec<_> = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            if answers.len() == nodes.len() {
                return Ok(answers);
            }
            let failed = ended.is_some_and(|status| status != 0);
            if deadline < Instant::now() || (failed && !lines.is_empty()) {
                bail!(
                    "the task that asks the nodes ended with {ended:?} and said: {}",
                    lines.join("; ")
                );
            }
            sleep(PAUSE).await;
        }
    }

    /// In the same way as the service starts its own tasks, with another command.
    async fn start(&self, nodes: &[SocketAddr]) -> anyhow::Result<String> {
        let services = self
            .ecs
            .describe_services()
            .cluster(&self.cluster)
            .services(&self.service)
            .send()
            .await
            .context("describing the service")?;
        let service = services.services().first().context("it is not there")?;

        let mut command = vec!["members".to_owned(), "--json".to_owned()];
        for node in nodes {
            command.extend(["--url".to_owned(), node.to_string()]);
        }
        let container = ContainerOverride::builder()
            .name(CONTAINER)
            .set_command(Some(command));
        let overrides = TaskOverride::builder().container_overrides(container.build());
        let started = self
            .ecs
            .run_task()
            .cluster(&self.cluster)
            .task_definition(service.task_definition().unwrap_or_default())
            .set_network_configuration(service.network_configuration().cloned())
            .launch_type(LaunchType::Fargate)
            .overrides(overrides.build())
            .started_by(STARTED_BY)
            .tags(
                Tag::builder()
                    .key("cluster-on-aws")
                    .value(STARTED_BY)
                    .build(),
            )
            .send()
            .await
            .context("starting a task that asks the nodes")?;
        let task = started.tasks().first().and_then(Task::task_arn);
        let task =
            task.with_context(|| format!("no task was started: {:?}", started.failures()))?;
        Ok(task.to_owned())
    }

    /// Its exit status, if ECS knows one.
    async fn ended(&self, task: &str) -> anyhow::Result<Option<i32>> {
        let deadline = Instant::now() + ENDED;
        loop {
            let described = self
                .ecs
                .describe_tasks()
                .cluster(&self.cluster)
                .tasks(task)
                .send()
                .await
                .context("describing the task that asks the nodes")?;
            let described = described.tasks().first();
            let status = described.and_then(Task::last_status).unwrap_or_default();
            if status == "STOPPED" {
                let container = described.and_then(|task| task.containers().first());
                return Ok(container.and_then(Container::exit_code));
            }
            ensure!(
                Instant::now() < deadline,
                "the task that asks the nodes is {status} after {ENDED:?}"
            );
            sleep(PAUSE).await;
        }
    }
}

/// Stops the reader tasks that still run in a cluster, which cannot be deleted with tasks.
pub async fn stop(config: &SdkConfig, cluster: &str) -> anyhow::Result<()> {
    let ecs = Client::new(config);
    let listed = ecs.list_tasks().cluster(cluster).started_by(STARTED_BY);
    let listed = listed.send().await;
    let listed = listed.context("listing the tasks that ask nodes")?;
    for task in listed.task_arns() {
        let stopped = ecs.stop_task().cluster(cluster).task(task).send().await;
        stopped.with_context(|| format!("stopping {task}"))?;
    }
    Ok(())
}

/// The last part of a task's ARN.
pub fn id_of(task: &str) -> &str {
    task.rsplit('/').next().unwrap_or(task)
}
