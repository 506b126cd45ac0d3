//! The settings of each method: parsed and valid, or an error that names the field.

use std::{collections::BTreeMap, net::IpAddr};

/// The methods, by the names that configuration uses.
pub const METHODS: [&str; 4] = [
    "aws-api-ec2-tag-based",
    "aws-api-ecs",
    "aws-api-ecs-task-set",
    "config",
];

/// One method with its settings.
#[derive(Debug, Clone)]
pub enum Settings {
    /// Running EC2 instances with a tag.
    Ec2TagBased(Ec2TagBased),
    /// Running tasks of an ECS service.
    Ecs(Ecs),
    /// Running tasks of the caller's own task set or deployment.
    EcsTaskSet(EcsTaskSet),
    /// A fixed list.
    Config(Fixed),
}

impl Settings {
    /// The method's canonical name.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Ec2TagBased(_) => "aws-api-ec2-tag-based",
            Self::Ecs(_) => "aws-api-ecs",
            Self::EcsTaskSet(_) => "aws-api-ecs-task-set",
            Self::Config(_) => "config",
        }
    }
}

/// Which of a peer's addresses is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// The primary private IPv4 address.
    #[default]
    Ipv4,
    /// The IPv6 address.
    Ipv6,
}

/// How the AWS client is made. Empty means the SDK's usual chain.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The region, for example `eu-central-1`.
    pub region: Option<String>,
    /// The endpoint, for example of an emulator.
    pub endpoint: Option<String>,
    /// The user's own SDK configuration; region and endpoint above still win over it.
    pub sdk_config: Option<aws_types::SdkConfig>,
}

/// Settings of `aws-api-ec2-tag-based`.
#[derive(Debug, Clone)]
pub struct Ec2TagBased {
    /// The tag whose value is the service name.
    pub tag_key: String,
    /// Further filters: name, and values of which any may match.
    pub filters: BTreeMap<String, Vec<String>>,
    /// One target per instance and port; without any, targets have no port.
    pub ports: Vec<u16>,
    /// Which address.
    pub address_family: AddressFamily,
    /// The client.
    pub client: Client,
}

/// Settings of `aws-api-ecs`.
#[derive(Debug, Clone)]
pub struct Ecs {
    /// The cluster's name or ARN.
    pub cluster: String,
    /// Tags that a task must carry, all of them.
    pub tags: BTreeMap<String, String>,
    /// The container whose network interface counts.
    pub container_name: Option<String>,
    /// Which address.
    pub address_family: AddressFamily,
    /// The client.
    pub client: Client,
}

/// Settings of `aws-api-ecs-task-set`.
#[derive(Debug, Clone)]
pub struct EcsTaskSet {
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The container whose network interface counts.
    pub container_name: Option<String>,
    /// Which address.
    pub address_family: AddressFamily,
    /// The client.
    pub client: Client,
}

/// Settings of `config`.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The addresses, with a port where there is one.
    pub targets: Vec<(IpAddr, Option<u16>)>,
}
