//! The stack of an ECS service, and its nodes.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use aws_sdk_ecs::types::{HealthStatus, Task};
use deploy::{
    logs::{self, Part},
    status::tasks::address,
};
use futures::future::try_join_all;
use tokio::time::sleep;

use crate::nodes::node::{Node, View};
use crate::{
    cloud::{
        self, Cloud, Kind,
        reader::{Reader, id_of},
    },
    local::sandbox::{ORDERS, Ports},
};

/// Unchanged from the deployment to AWS.
const TEMPLATE: &str = include_str!("../../../../cloudformation/ecs-service.yaml");

/// An emulator starts containers one after the other, and looks for lost ones from time to time.
const PATIENCE: Duration = Duration::from_secs(60);

/// If each look needs a task: AWS takes minutes to replace some tasks, and a minute to start that one.
const PATIENCE_FROM_INSIDE: Duration = Duration::from_secs(15 * 60);

/// The pause between looks at AWS that have seen something else.
const PAUSE: Duration = Duration::from_secs(5);

/// A deployed service.
#[derive(Debug)]
pub struct Service<'cloud> {
    cloud: &'cloud Cloud,
    ecs: aws_sdk_ecs::Client,
    stack: String,
    cluster: String,
    cluster_arn: String,
    log_group: String,
    reader: Reader,
    logs: PathBuf,
}

impl<'cloud> Service<'cloud> {
    /// Deploys the service with this many tasks, in a stack named for the scenario.
    pub async fn deploy(
        cloud: &'cloud Cloud,
        scenario: &str,
        tasks: usize,
    ) -> anyhow::Result<Self> {
        let logs = cloud.logs_of(scenario);
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        let stack = cloud::service_stack(scenario);
        let outputs = cloud.put(&stack, TEMPLATE, tasks).await?.outputs;
        let output = |key: &str| {
            let value = outputs.get(key).cloned();
            value.with_context(|| format!("the stack has no output {key}"))
        };
        ensure!(
            output("ServiceName")? == ORDERS,
            "the service has a different name"
        );
        let cluster = output("ClusterName")?;
        let log_group = output("LogGroupName")?;
        let ecs = aws_sdk_ecs::Client::new(cloud.config());
        Ok(Self {
            cluster_arn: find_cluster(&ecs, &cluster).await?,
            reader: Reader::new(cloud.config(), &cluster, ORDERS, &log_group),
            cloud,
            ecs,
            stack,
            cluster,
            log_group,
            logs,
        })
    }

    /// How long a change of the service may take until it is visible.
    pub fn patience(&self) -> Duration {
        if self.cloud.is_asked_from_inside() {
            PATIENCE_FROM_INSIDE
        } else {
            PATIENCE
        }
    }

    /// Changes the desired count in the stack.
    pub async fn scale(&self, tasks: usize) -> anyhow::Result<()> {
        self.cloud.put(&self.stack, TEMPLATE, tasks).await?;
        Ok(())
    }

    /// Changes the task definition, so that every task must be replaced.
    pub async fn redeploy(&self, tasks: usize) -> anyhow::Result<()> {
        let format = "            - {Name: DEMO_NODE_LOG_FORMAT, Value: json}\n";
        let level = format.replace("FORMAT, Value: json", "LEVEL, Value: debug");
        let changed = TEMPLATE.replace(format, &format!("{format}{level}"));
        ensure!(
            changed != TEMPLATE,
            "the template sets no {}",
            format.trim()
        );
        self.cloud.put(&self.stack, &changed, tasks).await?;
        Ok(())
    }

    /// The nodes of the running tasks, as ECS lists them; an error as long as there are not this many.
    pub async fn nodes(&self, tasks: usize) -> anyhow::Result<Vec<Node>> {
        let running = self.running().await?;
        ensure!(
            running.len() == tasks,
            "{} tasks run, not {tasks}",
            running.len()
        );
        running.iter().map(node).collect()
    }

    /// What the nodes of the running tasks say; an error until there are this many, all ready.
    pub async fn views(&self, tasks: usize) -> anyhow::Result<Vec<View>> {
        if !self.cloud.is_asked_from_inside() {
            let nodes = self.nodes(tasks).await?;
            let views = try_join_all(nodes.iter().map(Node::view)).await?;
            try_join_all(nodes.iter().map(Node::ready)).await?;
            return Ok(views);
        }
        let seen = self.views_from_inside(tasks).await;
        if seen.is_err() {
            sleep(PAUSE).await;
        }
        seen
    }

    async fn views_from_inside(&self, tasks: usize) -> anyhow::Result<Vec<View>> {
        let nodes = self.nodes(tasks).await?;
        if let Kind::Aws = self.cloud.kind() {
            // Healthy means ready, but no emulator here supports that.
            for task in self.running().await? {
                let health = task.health_status();
                let name = task.task_arn().unwrap_or_default();
                ensure!(
                    health == Some(&HealthStatus::Healthy),
                    "{name} is {health:?}"
                );
            }
        }
        let addresses: Vec<_> = nodes.iter().map(Node::management).collect();
        let answers = self.reader.ask(&addresses).await?;
        let views = nodes.iter().zip(answers).map(|(node, members)| View {
            name: node.name().to_owned(),
            uri: node.uri().to_owned(),
            members,
        });
        Ok(views.collect())
    }

    /// Ends the container of a running task, and returns the name of its node.
    pub async fn kill_one(&self) -> anyhow::Result<String> {
        let running = self.running().await?;
        let task = running.first().context("no task runs")?;
        match self.cloud.kind() {
            Kind::Ministack(containers) => containers.kill(task.task_arn().unwrap_or_default())?,
            Kind::Emulator | Kind::Aws => anyhow::bail!("no container can be killed here"),
        }
        Ok(node(task)?.name().to_owned())
    }

    /// Deletes the stack. Fails if any container is left.
    pub async fn delete(&self) -> anyhow::Result<()> {
        self.cloud.delete(&self.stack).await?;
        if let Kind::Ministack(containers) = self.cloud.kind() {
            let left = containers.count(&self.cluster_arn)?;
            ensure!(left == 0, "{left} containers still run");
            containers.remove_ended(&self.cluster_arn)?;
        }
        Ok(())
    }

    /// Saves the nodes' logs, which are deleted with the stack.
    pub async fn save_logs(&self) -> anyhow::Result<()> {
        match self.cloud.kind() {
            Kind::Ministack(containers) => containers.save_logs(&self.cluster_arn, &self.logs),
            Kind::Emulator | Kind::Aws => {
                for task in self.running().await? {
                    let id = id_of(task.task_arn().unwrap_or_default());
                    let stream = format!("{ORDERS}/demo-node/{id}");
                    let lines =
                        logs::read(self.cloud.config(), &self.log_group, &stream, Part::All)
                            .await?;
                    let log = self.logs.join(format!("{id}.log"));
                    fs::write(&log, lines.join("\n"))
                        .with_context(|| format!("writing {}", log.display()))?;
                }
                Ok(())
            }
        }
    }

    async fn running(&self) -> anyhow::Result<Vec<Task>> {
        let listed = self
            .ecs
            .list_tasks()
            .cluster(&self.cluster)
            .service_name(ORDERS)
            .send()
            .await
            .context("listing the tasks")?;
        if listed.task_arns().is_empty() {
            return Ok(Vec::new());
        }
        let described = self
            .ecs
            .describe_tasks()
            .cluster(&self.cluster)
            .set_tasks(listed.task_arns)
            .send()
            .await
            .context("describing the tasks")?;
        let mut tasks = described.tasks.unwrap_or_default();
        tasks.retain(|task| task.last_status() == Some("RUNNING"));
        Ok(tasks)
    }
}

async fn find_cluster(ecs: &aws_sdk_ecs::Client, name: &str) -> anyhow::Result<String> {
    let answer = ecs.describe_clusters().clusters(name).send().await;
    let answer = answer.context("describing the ECS cluster")?;
    let cluster = answer.clusters().first();
    let arn = cluster.and_then(|cluster| cluster.cluster_arn());
    Ok(arn.context("there is no such ECS cluster")?.to_owned())
}

fn node(task: &Task) -> anyhow::Result<Node> {
    let arn = task.task_arn().unwrap_or_default();
    let address = address(task).with_context(|| format!("{arn} has no address"))?;
    let Ports { management, gossip } = Ports::USUAL;
    let id = id_of(arn);
    Ok(Node::of_others(
        format!("task {}", id.split('-').next().unwrap_or(id)),
        format!("cluster://{ORDERS}@{address}:{gossip}"),
        SocketAddr::from((address, management)),
    ))
}
