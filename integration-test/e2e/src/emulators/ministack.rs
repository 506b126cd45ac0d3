//! MiniStack: an AWS emulator, started for one run, that runs the tasks of ECS services as real containers.
//!
//! Installs itself once, into a Python environment in the build folder. Its differences from AWS are only in
//! [`deploy::differences::ministack`].

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, ensure};
use aws_config::SdkConfig;
use tokio::process::Command;

use crate::nodes::docker::Docker;
use crate::{
    emulators::{self, Emulator, python::Program},
    https,
};

/// Another version may behave differently: the differences in [`deploy::differences::ministack`] were seen with this
/// one.
const PROGRAM: Program = Program {
    name: "ministack",
    title: "MiniStack",
    version: "1.5.33",
    // Without the second package, it only pretends to run containers.
    packages: &["ministack==1.5.33", "docker==7.2.0"],
};

/// A running emulator. Dropping it ends it, and every container that it has started.
#[derive(Debug)]
pub struct Ministack {
    emulator: Emulator,
    docker: Docker,
}

impl Ministack {
    /// Installs it if necessary, and starts it. Tasks run `image`; its output goes to `logs`.
    pub async fn start(image: &str, logs: &Path) -> anyhow::Result<Self> {
        let program = PROGRAM.set_up().await?;
        let docker = Docker::start(image)?;
        // Its tasks get the network of the container in which it thinks it runs.
        let anchor = docker.create_anchor()?;
        let endpoint = emulators::free_port(Docker::host()?)?;
        let mut command = Command::new(program);
        command
            .env("HOSTNAME", anchor)
            .env("BIND_HOST", endpoint.ip().to_string())
            .env("GATEWAY_PORT", endpoint.port().to_string());
        let log = logs.join("ministack.log");
        let emulator = Emulator::start(command, endpoint, "/_localstack/health", &log).await;
        Ok(Self {
            emulator: emulator.context("starting MiniStack")?,
            docker,
        })
    }

    /// Access to it.
    pub fn config(&self) -> &SdkConfig {
        self.emulator.config()
    }

    /// Its endpoint, as for the AWS CLI.
    pub fn endpoint_url(&self) -> String {
        self.emulator.endpoint_url()
    }

    /// The Docker network of its tasks.
    pub fn network(&self) -> &str {
        self.docker.name()
    }
}

/// Whether it is MiniStack that answers at this URL.
pub async fn is_at(url: &str) -> anyhow::Result<bool> {
    let answer = https::get(&format!("{url}{OWN_HEALTH}")).await?;
    Ok(answer.status == 200 && answer.body.contains("\"edition\""))
}

/// Containers that the MiniStack on a port of this machine runs for ECS.
#[derive(Debug)]
pub struct Containers {
    port: u16,
}

impl Containers {
    /// Of the MiniStack at this URL.
    pub fn of(url: &str) -> anyhow::Result<Self> {
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.with_context(|| format!("{url} names no port"))?;
        Ok(Self { port })
    }

    /// Ends the container of a task as a power failure would.
    pub fn kill(&self, task_arn: &str) -> anyhow::Result<()> {
        let containers = self.with("running", &format!("{TASK_LABEL}={task_arn}"))?;
        ensure!(
            !containers.is_empty(),
            "no container is running for {task_arn}"
        );
        for container in containers.keys() {
            Docker::kill(container)?;
        }
        Ok(())
    }

    /// How many run in an ECS cluster.
    pub fn count(&self, cluster_arn: &str) -> anyhow::Result<usize> {
        Ok(self.in_cluster("running", cluster_arn)?.len())
    }

    /// Removes the ended containers of an ECS cluster, which MiniStack keeps for a while.
    pub fn remove_ended(&self, cluster_arn: &str) -> anyhow::Result<()> {
        for container in self.in_cluster("exited", cluster_arn)?.keys() {
            Docker::remove(container)?;
        }
        Ok(())
    }

    /// Saves the logs of an ECS cluster's containers, also of ended ones. If a container disappears in the meantime,
    /// its log is lost.
    pub fn save_logs(&self, cluster_arn: &str, folder: &Path) -> anyhow::Result<()> {
        for state in ["running", "exited"] {
            for (id, name) in self.in_cluster(state, cluster_arn)? {
                let log = folder.join(format!("{name}.log"));
                if Docker::save_logs(&id, &log)? {
                    let length = fs::metadata(&log).map_or(0, |log| log.len());
                    ensure!(length != 0, "{name} has said nothing");
                }
            }
        }
        Ok(())
    }

    fn in_cluster(&self, state: &str, arn: &str) -> anyhow::Result<BTreeMap<String, String>> {
        self.with(state, &format!("{CLUSTER_LABEL}={arn}"))
    }

    /// Names by id. ARNs are the same in every MiniStack, so containers of another one are distinguished by its port.
    fn with(&self, state: &str, label: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let end = format!(":{}", self.port);
        let containers = Docker::containers_with(state, label, INSTANCE_LABEL)?;
        let own = containers
            .into_iter()
            .filter(|(_, _, instance)| instance.ends_with(&end));
        Ok(own.map(|(id, name, _)| (id, name)).collect())
    }
}

/// Its label for containers, the same as the ECS agent's.
const TASK_LABEL: &str = "com.amazonaws.ecs.task-arn";
const CLUSTER_LABEL: &str = "com.amazonaws.ecs.cluster";

/// Its own label: a host's name, and the port on which it listens.
const INSTANCE_LABEL: &str = "ministack.instance";

/// Its health path, which no other emulator has.
const OWN_HEALTH: &str = "/_ministack/health";
