//! The stack of an ECS service on an emulator, and the nodes that the emulator runs for it.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, ensure};
use aws_sdk_ecs::types::{Attachment, Task};

use super::{
    deployment::{ORDERS, Ports},
    ministack::{Ministack, differences},
};
use crate::{
    nodes::node::Node,
    stacks::{Stacks, Wanted},
};

/// As it is deployed to AWS.
const TEMPLATE: &str = include_str!("../../../cloudformation/ecs-service.yaml");

/// A deployed service.
#[derive(Debug)]
pub struct Service<'emulator> {
    emulator: &'emulator Ministack,
    stacks: Stacks,
    ecs: aws_sdk_ecs::Client,
    stack: String,
    parameters: BTreeMap<String, String>,
    cluster: String,
    cluster_arn: String,
    logs: PathBuf,
}

impl<'emulator> Service<'emulator> {
    /// Deploys the service with this many tasks, in a stack named for the scenario.
    pub async fn deploy(
        emulator: &'emulator Ministack,
        scenario: &str,
        tasks: usize,
    ) -> anyhow::Result<Self> {
        let logs = emulator.logs_of(scenario);
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        let mut service = Self {
            emulator,
            stacks: Stacks::new(emulator.config()),
            ecs: aws_sdk_ecs::Client::new(emulator.config()),
            stack: format!("e2e-{scenario}"),
            parameters: parameters(emulator).await?,
            cluster: String::new(),
            cluster_arn: String::new(),
            logs,
        };
        let outputs = service.put(TEMPLATE, tasks).await?;
        let output = |key: &str| {
            let value = outputs.get(key).cloned();
            value.with_context(|| format!("the stack has no output {key}"))
        };
        service.cluster = output("ClusterName")?;
        ensure!(
            output("ServiceName")? == ORDERS,
            "the service has another name"
        );
        service.cluster_arn = service.find_cluster().await?;
        Ok(service)
    }

    /// Changes the stack, so that there should be this many tasks.
    pub async fn scale(&self, tasks: usize) -> anyhow::Result<()> {
        self.put(TEMPLATE, tasks).await?;
        Ok(())
    }

    /// Changes the task definition, so that every task must be replaced.
    pub async fn redeploy(&self, tasks: usize) -> anyhow::Result<()> {
        let format = "DEMO_NODE_LOG_FORMAT, Value: ";
        let changed = TEMPLATE.replace(&format!("{format}json"), &format!("{format}text"));
        ensure!(changed != TEMPLATE, "the template sets no {format}");
        self.put(&changed, tasks).await?;
        Ok(())
    }

    /// The nodes of the running tasks, as ECS lists them; an error as long as there are not this many.
    pub async fn nodes(&self, tasks: usize) -> anyhow::Result<Vec<Node>> {
        let running = self.running().await?;
        ensure!(
            running.len() == tasks,
            "{} tasks run, and not {tasks}",
            running.len()
        );
        running.iter().map(node).collect()
    }

    /// Ends the container of a task that runs, and gives the name of its node.
    pub async fn kill_one(&self) -> anyhow::Result<String> {
        let running = self.running().await?;
        let task = running.first().context("no task runs")?;
        self.emulator
            .kill_task(task.task_arn().unwrap_or_default())?;
        Ok(node(task)?.name().to_owned())
    }

    /// Deletes the stack. Fails if any container is left.
    pub async fn delete(&self) -> anyhow::Result<()> {
        self.stacks.delete(&self.stack, &mut |_| {}).await?;
        let left = self.emulator.containers_of(&self.cluster_arn)?;
        ensure!(left == 0, "{left} containers still run");
        Ok(())
    }

    /// Keeps what the nodes have said.
    pub fn save_logs(&self) -> anyhow::Result<()> {
        self.emulator.save_logs(&self.cluster_arn, &self.logs)
    }

    async fn put(&self, template: &str, tasks: usize) -> anyhow::Result<BTreeMap<String, String>> {
        let wanted = Wanted {
            name: self.stack.clone(),
            template: differences::adapt(template, tasks)?,
            parameters: self.parameters.clone(),
        };
        Ok(self.stacks.put(&wanted, &mut |_| {}).await?.outputs)
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

    async fn find_cluster(&self) -> anyhow::Result<String> {
        let answer = self
            .ecs
            .describe_clusters()
            .clusters(&self.cluster)
            .send()
            .await
            .context("describing the ECS cluster")?;
        let cluster = answer.clusters().first();
        let arn = cluster.and_then(|cluster| cluster.cluster_arn());
        Ok(arn.context("there is no such ECS cluster")?.to_owned())
    }
}

/// A VPC and subnets that the emulator has from the start.
async fn parameters(emulator: &Ministack) -> anyhow::Result<BTreeMap<String, String>> {
    let ec2 = aws_sdk_ec2::Client::new(emulator.config());
    let vpcs = ec2.describe_vpcs().send().await;
    let vpcs = vpcs.context("looking for a VPC")?;
    let vpc = vpcs.vpcs().first().and_then(|vpc| vpc.vpc_id());
    let subnets = ec2.describe_subnets().send().await;
    let subnets = subnets.context("looking for subnets")?;
    let subnets: Vec<_> = subnets
        .subnets()
        .iter()
        .filter_map(|subnet| subnet.subnet_id())
        .take(2)
        .collect();
    Ok([
        ("AssignPublicIp", "ENABLED"),
        ("ImageUri", emulator.image()),
        ("SubnetIds", &subnets.join(",")),
        ("VpcId", vpc.context("there is no VPC")?),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into())
}

/// The address of a task's own network interface.
pub fn address(task: &Task) -> Option<Ipv4Addr> {
    task.attachments()
        .iter()
        .flat_map(Attachment::details)
        .find(|detail| detail.name() == Some("privateIPv4Address"))
        .and_then(|detail| detail.value()?.parse().ok())
}

fn node(task: &Task) -> anyhow::Result<Node> {
    let arn = task.task_arn().unwrap_or_default();
    let address = address(task).with_context(|| format!("{arn} has no address"))?;
    let Ports { management, gossip } = Ports::USUAL;
    let id = arn.rsplit('/').next().unwrap_or(arn);
    Ok(Node::of_others(
        format!("task {}", id.split('-').next().unwrap_or(id)),
        format!("cluster://{ORDERS}@{address}:{gossip}"),
        SocketAddr::from((address, management)),
    ))
}
