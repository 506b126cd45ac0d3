//! A program on this machine that replaces AWS during one run.
//!
//! The common part of all emulators. Each has its own module, with its differences from AWS.

pub mod localstack;
pub mod ministack;
pub mod moto;
pub mod python;

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use deploy::differences::ACCESS_KEY;
use hyper::StatusCode;
use observe::{eventually::eventually, http};
use tokio::process::{Child, Command};

use crate::nodes::group::Group;

/// The region of the emulator, which it ignores.
pub const REGION: &str = "eu-west-1";

/// A start takes a second or two; the rest is for a busy machine.
const STARTING: Duration = Duration::from_secs(60);

/// A running emulator. Dropping it ends it.
#[derive(Debug)]
pub struct Emulator {
    _process: Child,
    _group: Group,
    endpoint: SocketAddr,
    config: SdkConfig,
}

impl Emulator {
    /// Starts `command`, which must listen at `endpoint`, and waits until it answers on the path `health`.
    pub async fn start(
        mut command: Command,
        endpoint: SocketAddr,
        health: &str,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let group = Group::start().context("starting the guard of the emulator")?;
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        group.adopt(&mut command);
        let process = command.spawn().context("starting its program")?;

        let healthy = eventually(STARTING, async || match http::get(endpoint, health).await {
            Ok(answer) if answer.status == StatusCode::OK => Ok(()),
            Ok(answer) => Err(answer.to_string()),
            Err(silence) => Err(silence.to_string()),
        });
        healthy
            .await
            .with_context(|| format!("it does not start. Its log: {}", log.display()))?;
        Ok(Self {
            _process: process,
            _group: group,
            endpoint,
            config: sdk_config(endpoint, ACCESS_KEY),
        })
    }

    /// Access to it.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Access with this key, if the emulator distinguishes accounts.
    pub fn config_as(&self, access_key: &str) -> SdkConfig {
        sdk_config(self.endpoint, access_key)
    }

    /// Its endpoint, as for the AWS CLI.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.endpoint)
    }
}

/// An emulator cannot be given a socket. If another program takes the port in between, it fails to start.
pub fn free_port(address: Ipv4Addr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((address, 0)).with_context(|| {
        format!(
            "{address} is not this machine: Docker must run here, and this machine must run Linux"
        )
    })?;
    Ok(listener.local_addr()?)
}

fn sdk_config(endpoint: SocketAddr, access_key: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key, access_key, None, None, "emulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{endpoint}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}
