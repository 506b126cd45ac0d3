//! MiniStack: an AWS emulator, started for one run, that runs the tasks of ECS services as real containers.
//!
//! Sets itself up: a Python environment of its own beside the build, once.
//! What it does otherwise than AWS is in [`differences`], and nowhere else.

pub mod differences;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use aws_config::SdkConfig;
use tokio::process::Command;

use super::{
    emulator::{self, Emulator},
    python::Program,
};
use crate::nodes::docker::Docker;

/// Another version behaves otherwise: what [`differences`] says was seen with this one.
const PROGRAM: Program = Program {
    name: "ministack",
    title: "MiniStack",
    version: "1.5.33",
    // Without the second, it only says that it runs containers.
    packages: &["ministack==1.5.33", "docker==7.2.0"],
};

/// A running emulator. Dropping it ends it, and every container that it has started.
#[derive(Debug)]
pub struct Ministack {
    emulator: Emulator,
    docker: Docker,
    image: String,
    logs: PathBuf,
}

impl Ministack {
    /// Sets it up where necessary, and starts it. Tasks are to run `image`; what is said goes to `logs`.
    pub async fn start(image: &str, logs: PathBuf) -> anyhow::Result<Self> {
        let program = PROGRAM.set_up().await?;
        let docker = Docker::start(image)?;
        // Its tasks get the network of the container that it takes itself to be in.
        let anchor = docker.create_anchor()?;
        let endpoint = emulator::free_port(Docker::host()?)?;
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
            image: image.to_owned(),
            logs,
        })
    }

    /// Access to it.
    pub fn config(&self) -> &SdkConfig {
        self.emulator.config()
    }

    /// Where it is, as the AWS CLI is told.
    pub fn endpoint_url(&self) -> String {
        self.emulator.endpoint_url()
    }

    /// The Docker network of its tasks.
    pub fn network(&self) -> &str {
        self.docker.name()
    }

    /// The image that tasks are to run.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        self.logs.join(scenario)
    }

    /// Ends the container of a task as a power failure would.
    pub fn kill_task(&self, arn: &str) -> anyhow::Result<()> {
        let containers = self.containers(&format!("{TASK_LABEL}={arn}"))?;
        ensure!(!containers.is_empty(), "no container runs for {arn}");
        for container in containers.keys() {
            Docker::kill(container)?;
        }
        Ok(())
    }

    /// How many containers run in an ECS cluster.
    pub fn containers_of(&self, cluster_arn: &str) -> anyhow::Result<usize> {
        Ok(self
            .containers(&format!("{CLUSTER_LABEL}={cluster_arn}"))?
            .len())
    }

    /// Keeps what the containers in an ECS cluster have said.
    pub fn save_logs(&self, cluster_arn: &str, folder: &Path) -> anyhow::Result<()> {
        for (id, name) in self.containers(&format!("{CLUSTER_LABEL}={cluster_arn}"))? {
            let log = folder.join(format!("{name}.log"));
            fs::write(&log, Docker::logs(&id)?)
                .with_context(|| format!("writing {}", log.display()))?;
        }
        Ok(())
    }

    /// Names by id.
    fn containers(&self, label: &str) -> anyhow::Result<BTreeMap<String, String>> {
        Ok(self.docker.containers_with(label)?)
    }
}

/// What it marks containers with, as the agent of ECS does.
const TASK_LABEL: &str = "com.amazonaws.ecs.task-arn";
const CLUSTER_LABEL: &str = "com.amazonaws.ecs.cluster";
