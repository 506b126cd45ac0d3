//! moto: an AWS emulator, started for one run, whose Auto Scaling groups have instances with addresses.
//!
//! Nothing runs on those instances: here each gets a container at the address that moto reports, with the environment
//! that the stack's user data gives the node. So moto's answers become true. Its differences from AWS are only in
//! [`deploy::differences::moto`].

mod user_data;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, ensure};
use aws_sdk_ec2::types::{Filter, Instance, InstanceAttributeName, Reservation};
use aws_smithy_types::base64;
use deploy::differences::ACCESS_KEY;
use tokio::process::Command;

use crate::nodes::{docker::Docker, group::Group, node::Node, process::Process};
use crate::{
    emulators::{Emulator, python::Program},
    local::sandbox::Ports,
};

/// Another version may behave differently: the differences in [`deploy::differences::moto`] were seen with this one.
const PROGRAM: Program = Program {
    name: "moto_server",
    title: "moto",
    version: "5.2.5",
    packages: &["moto[server]==5.2.5"],
};

/// Instead of the secret, which moto does not create.
const GOSSIP_KEY: &str = "a key that only end-to-end runs use";

/// A running emulator. Dropping it ends it, and every container that runs for an instance.
#[derive(Debug)]
pub struct Moto {
    emulator: Emulator,
    nodes: Group,
    docker: Docker,
    logs: PathBuf,
}

impl Moto {
    /// Installs it if necessary, and starts it. Instances run `image`; its output goes to `logs`.
    pub async fn start(image: &str, logs: PathBuf) -> anyhow::Result<Self> {
        let program = PROGRAM.set_up().await?;
        let docker = Docker::start_as_vpc(image)?;
        // Released again, because moto cannot be given a socket.
        let endpoint = docker.listen()?.local_addr()?;
        let mut command = Command::new(program);
        command
            .args(["--host", &endpoint.ip().to_string()])
            .args(["--port", &endpoint.port().to_string()]);
        let log = logs.join("moto.log");
        let emulator = Emulator::start(command, endpoint, "/moto-api/data.json", &log).await;
        Ok(Self {
            emulator: emulator.context("starting moto")?,
            nodes: Group::start().context("starting the guard of the nodes")?,
            docker,
            logs,
        })
    }

    /// Its endpoint, as for the AWS CLI.
    pub fn endpoint_url(&self) -> String {
        self.emulator.endpoint_url()
    }

    /// The Docker network of its instances.
    pub fn network(&self) -> &str {
        self.docker.name()
    }

    /// The VPC needs these addresses so that its instances can have containers.
    pub fn vpc_cidr(&self) -> String {
        self.docker.cidr()
    }

    /// Starts a node for each running instance that has this value of the tag `service`.
    pub async fn run_instances(&self, service: &str) -> anyhow::Result<Vec<Node>> {
        let ec2 = aws_sdk_ec2::Client::new(self.emulator.config());
        let filter = |name, value| Filter::builder().name(name).values(value).build();
        let running = ec2
            .describe_instances()
            .filters(filter("tag:service", service))
            .filters(filter("instance-state-name", "running"))
            .send()
            .await
            .context("describing the instances")?;
        let instances = running
            .reservations()
            .iter()
            .flat_map(Reservation::instances);
        let mut nodes = Vec::new();
        for instance in instances {
            nodes.push(self.run_instance(&ec2, instance, service).await?);
        }
        ensure!(!nodes.is_empty(), "no instance of {service} runs");
        Ok(nodes)
    }

    async fn run_instance(
        &self,
        ec2: &aws_sdk_ec2::Client,
        instance: &Instance,
        service: &str,
    ) -> anyhow::Result<Node> {
        let id = instance.instance_id().unwrap_or_default();
        let address = instance.private_ip_address();
        let address = address.with_context(|| format!("{id} has no address"))?;
        let address: Ipv4Addr = address
            .parse()
            .with_context(|| format!("{id} has the address {address}"))?;
        let told = user_data(ec2, id).await?;
        let told = self.environment(&told).with_context(|| id.to_owned())?;

        let (command, container) = self.docker.run_at(address, &told);
        let process = Process::start(&self.nodes, command, self.logs.join(format!("{id}.log")))
            .with_context(|| format!("starting a container for {id}"))?
            .in_container(container);
        let Ports { management, gossip } = Ports::USUAL;
        Ok(Node::new(
            id.to_owned(),
            format!("cluster://{service}@{address}:{gossip}"),
            SocketAddr::from((address, management)),
            process,
        ))
    }

    /// The environment that the stack gives the node, with additions for a container.
    fn environment(&self, user_data: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let mut environment = user_data::environment(user_data)?;
        let besides = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY),
            ("AWS_ENDPOINT_URL", &self.endpoint_url()),
            // There is none in a container: its address is that of its interface.
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("DEMO_NODE_MEMBERSHIP_KEYS", GOSSIP_KEY),
        ];
        environment.extend(besides.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(environment)
    }
}

async fn user_data(ec2: &aws_sdk_ec2::Client, id: &str) -> anyhow::Result<String> {
    let answer = ec2
        .describe_instance_attribute()
        .instance_id(id)
        .attribute(InstanceAttributeName::UserData)
        .send()
        .await
        .with_context(|| format!("asking for the user data of {id}"))?;
    let encoded = answer.user_data().and_then(|data| data.value());
    let encoded = encoded.with_context(|| format!("{id} has no user data"))?;
    let decoded = base64::decode(encoded);
    let decoded = decoded.with_context(|| format!("reading the user data of {id}"))?;
    String::from_utf8(decoded).with_context(|| format!("reading the user data of {id}"))
}
