//! Where the scenarios of a run are shown.

use std::path::PathBuf;

use anyhow::Context;
use deploy::account::Account;
use options::e2e::{Options, Target};

use super::{estate::Estate, host::Host};

/// A target, prepared for a run. Dropping it ends whatever was started for it.
#[derive(Debug)]
pub enum Stage {
    /// AWS is pretended by this process, which also starts the nodes.
    Pretended(Host),
    /// Stacks say what should run, and an emulator or AWS runs it.
    Deployed(Box<Estate>),
}

impl Stage {
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
        let estate = match &options.target {
            Target::Embedded => return Ok(Self::Pretended(Host::of_processes(program, logs)?)),
            Target::Docker => return Ok(Self::Pretended(Host::of_containers(image, logs)?)),
            Target::Ministack => Estate::on_ministack(options, image, logs).await?,
            Target::Localstack => Estate::on_localstack(options, image, logs).await?,
            Target::Url(url) => Estate::at(options, url, image, logs).await?,
            Target::Aws => {
                let account = account.context("nobody has agreed to an account")?;
                Estate::in_aws(options, account, logs)
            }
        };
        Ok(Self::Deployed(Box::new(estate)))
    }

    /// Has there what all scenarios need.
    pub async fn furnish(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Pretended(_) => Ok(()),
            Self::Deployed(estate) => estate.furnish().await,
        }
    }

    /// Removes what the run has left there. An error says how to do it by hand.
    pub async fn clear(&self) -> anyhow::Result<()> {
        match self {
            Self::Pretended(_) => Ok(()),
            Self::Deployed(estate) => estate.clear().await,
        }
    }

    /// The commands that remove what is left there.
    pub fn by_hand(&self) -> Option<String> {
        match self {
            Self::Pretended(_) => None,
            Self::Deployed(estate) => estate.by_hand(),
        }
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        match self {
            Self::Pretended(host) => host.logs_of(scenario),
            Self::Deployed(estate) => estate.logs_of(scenario),
        }
    }
}
