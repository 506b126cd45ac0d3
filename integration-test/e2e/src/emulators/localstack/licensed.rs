//! LocalStack's image: an AWS emulator in a container, whose licence must include ECS.
//!
//! It could not be tried here. Its settings are from its documentation; if it turns out to differ from AWS, that
//! belongs in a separate module, as for MiniStack.

use std::{fs::File, net::Ipv4Addr, path::Path, process::Stdio, time::Duration};

use anyhow::Context;
use observe::eventually::eventually;
use options::e2e::{LOCALSTACK_IMAGE, LOCALSTACK_TOKEN};
use tokio::process::Child;

use crate::https;
use crate::nodes::{docker::Docker, group::Group};

/// It checks its licence first.
const STARTING: Duration = Duration::from_secs(120);

const PORT: u16 = 4566;

/// A running emulator. Dropping it ends it, and every container on its network.
#[derive(Debug)]
pub struct Localstack {
    _process: Child,
    _group: Group,
    _docker: Docker,
    address: Ipv4Addr,
}

impl Localstack {
    /// Starts it. Tasks can run `image`; its output goes to `logs`.
    pub async fn start(image: &str, logs: &Path) -> anyhow::Result<Self> {
        let docker = Docker::start(image)?;
        let group = Group::start().context("starting the guard of the emulator")?;
        let address = docker.next()?;
        let log = logs.join("localstack.log");
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;

        // Nodes reach it by its address, and any credentials will do.
        let endpoint = format!("http://{address}:{PORT}");
        let of_tasks = format!(
            "ECS_DOCKER_FLAGS=--network {} --env AWS_ENDPOINT_URL={endpoint} \
             --env AWS_ACCESS_KEY_ID=test --env AWS_SECRET_ACCESS_KEY=test",
            docker.name()
        );
        let network = format!("MAIN_DOCKER_NETWORK={}", docker.name());
        let mut command = docker.run_other(
            LOCALSTACK_IMAGE,
            address,
            &[
                "--volume",
                "/var/run/docker.sock:/var/run/docker.sock",
                // The value comes from the environment, where others on this machine cannot see it.
                "--env",
                LOCALSTACK_TOKEN,
                "--env",
                &network,
                "--env",
                &of_tasks,
            ],
        );
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        group.adopt(&mut command);
        let process = command.spawn().context("starting LocalStack")?;

        let health = format!("{endpoint}/_localstack/health");
        let healthy = eventually(STARTING, async || match https::get(&health).await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{} {}", answer.status, answer.body)),
            Err(silence) => Err(format!("{silence:#}")),
        });
        healthy.await.with_context(|| {
            format!(
                "LocalStack does not start: is the licence valid? Its log: {}",
                log.display()
            )
        })?;
        Ok(Self {
            _process: process,
            _group: group,
            _docker: docker,
            address,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}:{PORT}", self.address)
    }
}
