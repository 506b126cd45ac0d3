//! Where stacks are deployed and tasks run: an emulator, or AWS itself. Also keeps what a run has created there.
//!
//! The differences between MiniStack and AWS are in [`differences::ministack`]. No other code depends on the
//! emulator.

pub mod reader;
pub mod service;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use deploy::{
    account::{Account, Vpc},
    differences::{self, ACCESS_KEY},
    image, leftovers, service_roles,
    stacks::{Stack, Stacks, Wanted},
};
use options::e2e::Options;

use crate::{
    emulators::{
        REGION,
        localstack::licensed::Localstack,
        ministack::{self, Containers, Ministack},
    },
    https,
    progress::announce,
};

/// An account, and how to use it. Dropping it ends an emulator that was started for it.
#[derive(Debug)]
pub struct Cloud {
    account: Account,
    /// The permissions boundary of the nodes' roles.
    bounds: Option<String>,
    kind: Kind,
    image: Option<String>,
    /// The parameters of the service's stack that are the same for all scenarios.
    parameters: BTreeMap<String, String>,
    asked_from_inside: bool,
    logs: PathBuf,
    /// Stacks that may exist, because this run has created them.
    standing: Mutex<BTreeSet<String>>,
    /// The emulator that was started for the run.
    started: Option<Started>,
}

/// The kind of account.
#[derive(Debug)]
pub enum Kind {
    /// MiniStack, and the containers that it runs.
    Ministack(Containers),
    /// Another emulator.
    Emulator,
    /// AWS.
    Aws,
}

/// An emulator that ends with the run.
#[derive(Debug)]
enum Started {
    Ministack { _emulator: Box<Ministack> },
    Localstack { _emulator: Box<Localstack> },
}

/// The prefix of the names of a run's stacks.
const PREFIX: &str = "e2e";

/// Unchanged from the deployment to AWS.
const REPOSITORY: &str = include_str!("../../../cloudformation/image-repository.yaml");

impl Cloud {
    /// MiniStack, started for the run.
    pub async fn on_ministack(
        options: &Options,
        image: &str,
        logs: PathBuf,
    ) -> anyhow::Result<Self> {
        let emulator = Ministack::start(image, &logs).await?;
        let url = emulator.endpoint_url();
        let started = Started::Ministack {
            _emulator: Box::new(emulator),
        };
        Self::emulated(options, &url, image, logs, Some(started)).await
    }

    /// LocalStack's licensed image, started for the run.
    pub async fn on_localstack(
        options: &Options,
        image: &str,
        logs: PathBuf,
    ) -> anyhow::Result<Self> {
        let emulator = Localstack::start(image, &logs).await?;
        let url = emulator.url();
        let started = Started::Localstack {
            _emulator: Box::new(emulator),
        };
        Self::emulated(options, &url, image, logs, Some(started)).await
    }

    /// An emulator that was not started by this run.
    pub async fn at(
        options: &Options,
        url: &str,
        image: &str,
        logs: PathBuf,
    ) -> anyhow::Result<Self> {
        https::get(url)
            .await
            .with_context(|| format!("is there an emulator at {url}?"))?;
        Self::emulated(options, url, image, logs, None).await
    }

    /// An account of AWS. Nothing is created yet.
    pub fn in_aws(options: &Options, account: Account, logs: PathBuf) -> Self {
        Self {
            account: account.with(options.role_arn.clone(), BTreeMap::new()),
            bounds: options.permissions_boundary.clone(),
            kind: Kind::Aws,
            image: options.image.clone(),
            parameters: BTreeMap::new(),
            asked_from_inside: true,
            logs,
            standing: Mutex::default(),
            started: None,
        }
    }

    async fn emulated(
        options: &Options,
        url: &str,
        image: &str,
        logs: PathBuf,
        started: Option<Started>,
    ) -> anyhow::Result<Self> {
        let kind = if ministack::is_at(url).await? {
            Kind::Ministack(Containers::of(url)?)
        } else {
            Kind::Emulator
        };
        let config = config_of_emulator(url);
        let stacks = Stacks::new(&config);
        Ok(Self {
            account: Account { config, stacks },
            bounds: None,
            kind,
            image: Some(image.to_owned()),
            parameters: BTreeMap::new(),
            asked_from_inside: options.ask_from_inside,
            logs,
            standing: Mutex::default(),
            started,
        })
    }

    /// Creates what every service's stack needs: a network, and the image where tasks can pull it.
    pub async fn furnish(&mut self) -> anyhow::Result<()> {
        if let Kind::Aws = self.kind {
            let tell = &mut |line: &str| announce(line);
            service_roles::ECS.ensure(&self.account.config, tell).await;
        }
        let mut parameters = BTreeMap::new();
        let Vpc { id, subnets, .. } = self.account.default_vpc(&[]).await?;
        parameters.insert("VpcId", id);
        parameters.insert("SubnetIds", subnets);
        parameters.insert("AssignPublicIp", "ENABLED".to_owned());
        if let Some(bounds) = &self.bounds {
            parameters.insert("PermissionsBoundaryArn", bounds.clone());
        }
        match &self.image {
            Some(image) => {
                parameters.insert("ImageUri", image.clone());
                if let Some(arn) = image::repository_arn(image) {
                    parameters.insert("RepositoryArn", arn);
                }
            }
            None => parameters.extend(self.publish_image().await?),
        }
        self.parameters = parameters
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        Ok(())
    }

    /// Builds the image, pushes it to a repository made for it, and returns what a service's stack must know about
    /// it.
    async fn publish_image(&self) -> anyhow::Result<BTreeMap<&'static str, String>> {
        let tag = image::tag().await?;
        let name = repository_stack();
        self.stands(&name);
        let wanted = Wanted {
            name: name.clone(),
            template: REPOSITORY.to_owned(),
            parameters: BTreeMap::from([("RepositoryName".to_owned(), name.clone())]),
        };
        let tell = &mut |line: &str| self.tell(&name, line);
        let stack = self.account.stacks.put(&wanted, tell).await?;
        let output = |key: &str| {
            let value = stack.outputs.get(key).cloned();
            value.with_context(|| format!("the stack {name} has no output {key}"))
        };
        let uri = output("RepositoryUri")?;
        let image = image::publish(&self.account, &uri, &tag).await?;
        Ok(BTreeMap::from([
            ("ImageUri", image),
            ("RepositoryArn", output("RepositoryArn")?),
            ("Architecture", image::architecture().to_owned()),
        ]))
    }

    /// What answers.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Access to it.
    pub fn config(&self) -> &SdkConfig {
        &self.account.config
    }

    /// Whether a task in the same network asks the nodes, not this process.
    pub fn is_asked_from_inside(&self) -> bool {
        self.asked_from_inside
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        self.logs.join(scenario)
    }

    /// Creates or changes the stack of a service with this many tasks.
    pub async fn put(&self, name: &str, template: &str, tasks: usize) -> anyhow::Result<Stack> {
        let mut parameters = self.parameters.clone();
        let template = match &self.kind {
            Kind::Ministack(_) => differences::ministack::adapt(template, tasks)?,
            Kind::Emulator | Kind::Aws => {
                parameters.insert("DesiredCount".to_owned(), tasks.to_string());
                template.to_owned()
            }
        };
        self.stands(name);
        let wanted = Wanted {
            name: name.to_owned(),
            template,
            parameters,
        };
        Ok(self
            .account
            .stacks
            .put(&wanted, &mut |line| self.tell(name, line))
            .await?)
    }

    /// Deletes a stack of the run.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        if self.asked_from_inside
            && let Some(stack) = self.account.stacks.find(name).await?
            && let Some(cluster) = stack.outputs.get("ClusterName")
        {
            reader::stop(self.config(), cluster).await?;
        }
        let tell = &mut |line: &str| self.tell(name, line);
        match (&self.kind, self.account.stacks.find(name).await?) {
            (Kind::Aws, Some(stack)) => leftovers::delete(&self.account, &stack, tell).await?,
            _ => self.account.stacks.delete(name, tell).await?,
        }
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        Ok(())
    }

    /// Deletes everything of the run that still exists. An error says how to do it by hand.
    pub async fn clear(&self) -> anyhow::Result<()> {
        for name in self.standing() {
            announce(&format!("deleting {name}"));
            if let Err(error) = self.delete(&name).await {
                let Some(by_hand) = self.by_hand() else {
                    return Err(error);
                };
                bail!("{error:#}\nby hand, each as often as needed:\n{by_hand}");
            }
        }
        Ok(())
    }

    /// The commands that remove what still exists. None if it ends with the run, or there is nothing.
    pub fn by_hand(&self) -> Option<String> {
        if self.started.is_some() {
            return None;
        }
        let standing = self.standing();
        let commands: Vec<_> = standing
            .iter()
            .filter_map(|stack| destroy_command(stack, self.account.region(), self.endpoint()))
            .collect();
        (!commands.is_empty()).then(|| commands.join("\n"))
    }

    fn endpoint(&self) -> Option<&str> {
        match self.kind {
            Kind::Ministack(_) | Kind::Emulator => self.config().endpoint_url(),
            Kind::Aws => None,
        }
    }

    fn standing(&self) -> BTreeSet<String> {
        let standing = self.standing.lock();
        standing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stands(&self, name: &str) {
        let standing = self.standing.lock();
        let mut standing = standing.unwrap_or_else(PoisonError::into_inner);
        standing.insert(name.to_owned());
    }

    /// AWS takes minutes, so progress is printed; an emulator does it at once.
    fn tell(&self, stack: &str, line: &str) {
        match self.kind {
            Kind::Aws => announce(&format!("{stack}: {line}")),
            Kind::Ministack(_) | Kind::Emulator => {}
        }
    }
}

/// The stack with the service of a scenario, named so that `cargo xtask destroy --name e2e-<scenario>` accepts it as
/// its own.
pub fn service_stack(scenario: &str) -> String {
    format!("{PREFIX}-{scenario}-service")
}

/// The stack with the image of all scenarios.
pub fn repository_stack() -> String {
    format!("{PREFIX}-repository")
}

/// What removes a stack of a run.
fn destroy_command(stack: &str, region: &str, endpoint: Option<&str>) -> Option<String> {
    let (name, _) = stack.rsplit_once('-')?;
    let endpoint = endpoint.map(|url| format!(" --endpoint-url {url}"));
    let endpoint = endpoint.unwrap_or_default();
    Some(format!(
        "    cargo xtask destroy --name {name} --region {region}{endpoint}"
    ))
}

/// Any credentials will do, so the user's own are not sent to it.
fn config_of_emulator(url: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "emulator");
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(REGION))
        .endpoint_url(url)
        .http_client(http)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_has_put_can_be_removed_by_hand() {
        let commands = [service_stack("ecs-service"), repository_stack()]
            .map(|stack| destroy_command(&stack, "eu-west-1", None).unwrap());

        assert_eq!(
            commands.map(|command| command.trim().to_owned()),
            [
                "cargo xtask destroy --name e2e-ecs-service --region eu-west-1",
                "cargo xtask destroy --name e2e --region eu-west-1",
            ]
        );
    }
}
