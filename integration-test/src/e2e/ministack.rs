//! MiniStack: an AWS emulator, started for one run, that runs the tasks of ECS services as real containers.
//!
//! Sets itself up: a Python environment of its own beside the build, once.
//! What it does otherwise than AWS is in [`differences`], and nowhere else.

pub mod differences;

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use hyper::StatusCode;
use tokio::process::{Child, Command};

use crate::{
    eventually::eventually,
    nodes::{docker::Docker, group::Group, http},
};

/// Another version behaves otherwise: what [`differences`] says was seen with this one.
const VERSION: &str = "1.5.33";

/// By which it runs containers. Without it, it only says that it did.
const DOCKER_PACKAGE: &str = "docker==7.2.0";

/// Its start takes a second; the rest is for a busy machine.
const STARTING: Duration = Duration::from_secs(60);

/// A running emulator. Dropping it ends it, and every container that it has started.
#[derive(Debug)]
pub struct Ministack {
    _process: Child,
    _group: Group,
    docker: Docker,
    config: SdkConfig,
    image: String,
    logs: PathBuf,
}

impl Ministack {
    /// Sets it up where necessary, and starts it. Tasks are to run `image`; what is said goes to `logs`.
    pub async fn start(image: &str, logs: PathBuf) -> anyhow::Result<Self> {
        let program = set_up().await?;
        let docker = Docker::start(image)?;
        // Its tasks get the network of the container that it takes itself to be in.
        let anchor = docker.create_anchor()?;
        let group = Group::start().context("starting the guard of the emulator")?;

        let address = Docker::host()?;
        let port = free_port(address)?;
        let log = logs.join("ministack.log");
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = Command::new(program);
        command
            .env("HOSTNAME", anchor)
            .env("BIND_HOST", address.to_string())
            .env("GATEWAY_PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        group.adopt(&mut command);
        let process = command.spawn().context("starting MiniStack")?;

        let endpoint = SocketAddr::from((address, port));
        let healthy = eventually(STARTING, async || {
            match http::get(endpoint, "/_localstack/health").await {
                Ok(answer) if answer.status == StatusCode::OK => Ok(()),
                Ok(answer) => Err(answer.to_string()),
                Err(silence) => Err(silence.to_string()),
            }
        });
        healthy
            .await
            .with_context(|| format!("MiniStack does not start; its log: {}", log.display()))?;
        Ok(Self {
            _process: process,
            _group: group,
            docker,
            config: sdk_config(endpoint),
            image: image.to_owned(),
            logs,
        })
    }

    /// Access to it.
    pub fn config(&self) -> &SdkConfig {
        &self.config
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

/// The program, installed once.
async fn set_up() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("this program's own path is unknown")?;
    let target = this.parent().and_then(Path::parent);
    let target = target.context("this program is not where cargo puts it")?;
    let folder = target.join(format!("ministack-{VERSION}"));
    // Written last: an installation that was interrupted is begun anew.
    let done = folder.join("complete");
    let program = folder.join("bin/ministack");
    if done.exists() {
        return Ok(program);
    }

    crate::e2e::report::announce(&format!(
        "setting MiniStack {VERSION} up in {}, once",
        folder.display()
    ));
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .await
        .context(
            "Python 3.10 or later with its module venv is needed (`apt-get install python3-venv`)",
        )?;
    run(Command::new(folder.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .arg(format!("ministack=={VERSION}"))
        .arg(DOCKER_PACKAGE))
    .await
    .with_context(|| format!("MiniStack {VERSION} cannot be installed from PyPI"))?;
    fs::write(&done, "").with_context(|| format!("writing {}", done.display()))?;
    Ok(program)
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// It cannot be handed a socket. Who takes the port in between makes it fail to start.
fn free_port(address: Ipv4Addr) -> anyhow::Result<u16> {
    let listener = TcpListener::bind((address, 0)).with_context(|| {
        format!("{address} is not this machine: Docker must run here, and this machine run Linux")
    })?;
    Ok(listener.local_addr()?.port())
}

/// Any credentials will do.
fn sdk_config(endpoint: SocketAddr) -> SdkConfig {
    let credentials = Credentials::new(
        differences::ACCESS_KEY,
        differences::ACCESS_KEY,
        None,
        None,
        "emulator",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new("eu-west-1"))
        .endpoint_url(format!("http://{endpoint}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}
