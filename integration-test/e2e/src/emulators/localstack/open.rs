//! LocalStack's last open edition, for its EC2: it needs neither Docker nor a licence.
//!
//! Installs itself once, into a Python environment in the build folder. It lists instances but runs nothing for them:
//! here a node is started at the address of each, which is an address of this machine.
//!
//! It has no ECS and no Auto Scaling ("not included in your current license plan", 501): nodes get their number from
//! a setting. No stack is deployed to it: its CloudFormation needs Python 3.12, does not know `Fn::Cidr`, and reports
//! a stack as complete without having created what it lacks, such as Auto Scaling groups and the rules of security
//! groups.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context, bail};
use aws_sdk_ec2::{
    Client,
    config::{self, timeout::TimeoutConfig},
    types::{InstanceType, ResourceType, Tag, TagSpecification},
};
use region::{Instance, InstanceState};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    emulators::{self, Emulator, REGION, python::Program},
    local::ec2::Ec2,
    nodes::settings::Settings,
};

/// There will be no later version.
const PROGRAM: Program = Program {
    name: "localstack-supervisor",
    title: "LocalStack",
    version: "4.14.0",
    // EC2 needs the first two. With later versions of the others it does not start.
    packages: &[
        "localstack-core[base-runtime]==4.14.0",
        "moto-ext==5.1.54",
        "cbor2==5.6.5",
        "cryptography==44.0.3",
        "pyopenssl==24.3.0",
        "service-identity==24.2.0",
    ],
};

/// It answers in milliseconds; the rest is for a busy machine.
const ANSWERING: Duration = Duration::from_secs(30);

/// An instance needs one; any will do.
const IMAGE: &str = "ami-12345678";

/// A running emulator. Dropping it ends it.
#[derive(Debug)]
pub struct Localstack {
    emulator: Emulator,
    accounts: AtomicU32,
    /// The files that it writes. Dropped after it.
    _files: TempDir,
}

/// An account in it, which does not see the others.
#[derive(Debug)]
pub struct Account {
    ec2: Client,
    subnet: String,
    /// How to ask it.
    access: BTreeMap<String, String>,
}

impl Localstack {
    /// Installs it if necessary, and starts it. Its output goes to `logs`.
    pub async fn start(logs: &Path) -> anyhow::Result<Self> {
        let program = PROGRAM.set_up().await?;
        let endpoint = emulators::free_port(Ipv4Addr::LOCALHOST)?;
        let files =
            tempfile::tempdir().context("the folder for LocalStack's files cannot be created")?;
        let mut command = Command::new(program);
        command
            // A user's settings and profile for another LocalStack are not used.
            .env_clear()
            .env("HOME", files.path())
            // If it thinks that it runs in a container, it writes to /var/lib.
            .env("OVERRIDE_IN_DOCKER", "0")
            .env("FILESYSTEM_ROOT", files.path())
            // Its default server ignores the address, and listens on all of them.
            .env("GATEWAY_SERVER", "hypercorn")
            .env("GATEWAY_LISTEN", endpoint.to_string())
            .env("SERVICES", "ec2")
            .env("EAGER_SERVICE_LOADING", "1")
            .env("DNS_ADDRESS", "0")
            // Usage is not reported, and no certificate fetched.
            .env("DISABLE_EVENTS", "1")
            .env("SKIP_SSL_CERT_DOWNLOAD", "1");
        let log = logs.join("localstack.log");
        let emulator = Emulator::start(command, endpoint, "/_localstack/health", &log).await;
        Ok(Self {
            emulator: emulator.context("starting LocalStack")?,
            accounts: AtomicU32::new(1),
            _files: files,
        })
    }

    /// An account without an instance. Its addresses are those of `network`, at most 65,536.
    pub async fn account(&self, network: &str) -> anyhow::Result<Account> {
        // It uses an access key of twelve digits as the account's number.
        let access_key = format!("{:012}", self.accounts.fetch_add(1, Ordering::Relaxed));
        let limits = TimeoutConfig::builder().operation_timeout(ANSWERING);
        let config = config::Builder::from(&self.emulator.config_as(&access_key));
        let ec2 = Client::from_conf(config.timeout_config(limits.build()).build());
        let vpc = ec2.create_vpc().cidr_block(network).send().await;
        let vpc = vpc.with_context(|| format!("creating a VPC of {network}"))?;
        let vpc = vpc.vpc().and_then(|vpc| vpc.vpc_id());
        let subnet = ec2
            .create_subnet()
            .vpc_id(vpc.context("the VPC has no id")?)
            .cidr_block(network)
            .send()
            .await
            .with_context(|| format!("creating a subnet of {network}"))?;
        let subnet = subnet.subnet().and_then(|subnet| subnet.subnet_id());
        let access = [
            ("AWS_ENDPOINT_URL", self.emulator.endpoint_url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", access_key),
            // It has no instance metadata.
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Ok(Account {
            ec2,
            subnet: subnet.context("the subnet has no id")?.to_owned(),
            access: access
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        })
    }
}

impl Ec2 for Account {
    async fn run_instance(&self, instance: Instance) -> anyhow::Result<BTreeMap<String, String>> {
        let interface = instance.primary_interface();
        let address = interface.and_then(|interface| interface.ipv4.first());
        let address = address.context("the instance has no address")?;
        let tags = instance.tags.iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .set_tags(Some(tags.collect()))
            .build();
        let ran = self
            .ec2
            .run_instances()
            .image_id(IMAGE)
            .instance_type(InstanceType::from(instance.instance_type.as_str()))
            .subnet_id(&self.subnet)
            .private_ip_address(address.to_string())
            .tag_specifications(tags)
            .min_count(1)
            .max_count(1)
            .send()
            .await
            .with_context(|| format!("running an instance at {address}"))?;
        let id = ran.instances().first().and_then(|ran| ran.instance_id());
        let id = id.with_context(|| format!("the instance at {address} has no id"))?;
        match instance.state {
            InstanceState::Running => {}
            InstanceState::Stopped => {
                let stopping = self.ec2.stop_instances().instance_ids(id).send().await;
                stopping.with_context(|| format!("stopping {id}"))?;
            }
            state @ (InstanceState::Pending
            | InstanceState::ShuttingDown
            | InstanceState::Terminated
            | InstanceState::Stopping) => {
                bail!("no instance of LocalStack stays {}", state.as_str())
            }
        }
        let told = Settings::default().with("NODE_ADDRESS", address);
        let mut environment = told.into_environment();
        environment.extend(self.access.clone());
        Ok(environment)
    }

    fn put_group(&self, _name: &str, instances: u32, nodes_of_each: u32) -> Settings {
        let nodes = instances * nodes_of_each;
        Settings::default().with("BOOTSTRAP_EXPECTED_NODES", &nodes)
    }

    fn told_the_number(&self) -> anyhow::Result<()> {
        Ok(())
    }
}
