//! What the nodes of a run run on.

use std::path::PathBuf;

use anyhow::Context;
use deploy::account::Account;
use options::e2e::{Options, Target, has_localstack_token};

use crate::{cloud::Cloud, emulators::localstack::open::Localstack, local::runtime::Runtime};

/// A target that is ready for a run. Dropping it ends everything that was started for it.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a run has one of it, and moves it once"
)]
pub enum Platform {
    /// AWS is simulated by this process, which also starts the nodes.
    Local(Runtime),
    /// LocalStack's open edition lists instances, and this process starts their nodes.
    Instances {
        /// Ends first.
        nodes: Runtime,
        /// What lists them.
        localstack: Localstack,
    },
    /// Stacks say what should run, and an emulator or AWS runs it.
    Cloud(Box<Cloud>),
}

impl Platform {
    /// Prepares a run whose logs go to `logs`. Nodes are processes of `program` or containers of `image`.
    /// For AWS the account that the person has agreed to.
    pub async fn prepare(
        options: &Options,
        account: Option<Account>,
        program: PathBuf,
        image: &str,
        logs: PathBuf,
    ) -> anyhow::Result<Self> {
        let image = options.image.as_deref().unwrap_or(image);
        let cloud = match &options.target {
            Target::Embedded => return Ok(Self::Local(Runtime::of_processes(program, logs)?)),
            Target::Docker => return Ok(Self::Local(Runtime::of_containers(image, logs)?)),
            Target::Ministack => Cloud::on_ministack(options, image, logs).await?,
            Target::Localstack if has_localstack_token() => {
                Cloud::on_localstack(options, image, logs).await?
            }
            Target::Localstack => {
                return Ok(Self::Instances {
                    localstack: Localstack::start(&logs).await?,
                    nodes: Runtime::of_processes(program, logs)?,
                });
            }
            Target::Url(url) => Cloud::at(options, url, image, logs).await?,
            Target::Aws => {
                let account = account.context("no account was confirmed")?;
                Cloud::in_aws(options, account, logs)
            }
        };
        Ok(Self::Cloud(Box::new(cloud)))
    }

    /// Creates what all scenarios need there.
    pub async fn furnish(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Local(_) | Self::Instances { .. } => Ok(()),
            Self::Cloud(cloud) => cloud.furnish().await,
        }
    }

    /// Removes what the run has created there. An error says how to do it by hand.
    pub async fn clear(&self) -> anyhow::Result<()> {
        match self {
            Self::Local(_) | Self::Instances { .. } => Ok(()),
            Self::Cloud(cloud) => cloud.clear().await,
        }
    }

    /// The commands that remove what the run has created there.
    pub fn by_hand(&self) -> Option<String> {
        match self {
            Self::Local(_) | Self::Instances { .. } => None,
            Self::Cloud(cloud) => cloud.by_hand(),
        }
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        match self {
            Self::Local(runtime) | Self::Instances { nodes: runtime, .. } => {
                runtime.logs_of(scenario)
            }
            Self::Cloud(cloud) => cloud.logs_of(scenario),
        }
    }
}
