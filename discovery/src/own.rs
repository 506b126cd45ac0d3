//! This container's own address: where other members reach it.
//!
//! Metadata is used if it exists: first the task metadata of ECS, then the instance metadata of EC2. Only if neither
//! exists, the address is taken from the network interfaces, and only if exactly one is possible. Interface names do
//! not help: on Fargate `eth0` is link-local and the task's own address is on `eth1`.

use std::{fmt, net::IpAddr};

use crate::{
    Error,
    config::{AddressFamily, Surroundings},
};

mod http;
pub(crate) mod instance;
mod interfaces;
pub(crate) mod task;

use self::instance::Answer;
pub use interfaces::{Candidate, Judgement};

/// The own address, and what else the metadata returned with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnAddress {
    /// The address.
    pub address: IpAddr,
    /// Where it was found.
    pub source: AddressSource,
    /// The availability zone, from either metadata endpoint.
    pub availability_zone: Option<String>,
    /// The ARN of the own ECS task.
    pub task: Option<String>,
    /// The ECS cluster that the task runs in: a name or an ARN.
    pub cluster: Option<String>,
}

/// Where an own address was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressSource {
    /// The task metadata endpoint of ECS.
    TaskMetadata,
    /// The instance metadata service of EC2.
    InstanceMetadata,
    /// The network interface with this name, the only possible one.
    Interface(String),
}

/// The address at which other members reach this container.
///
/// `family` chooses in the same way as among the addresses of peers, so that a node is listed with the address that
/// it considers its own. Addresses from metadata are taken unchanged.
///
/// # Errors
///
/// [`Error::Metadata`] when the task metadata fails, or the instance metadata on a host that certainly is an EC2
/// instance ([`Surroundings::on_ec2`]): this is usually temporary, so ask again. An error when the task is not in
/// network mode `awsvpc`. [`Error::OwnAddress`] with every candidate when the interfaces leave none or several, and
/// with the error of the instance metadata if that was asked before.
pub async fn container_address(
    surroundings: &Surroundings,
    family: AddressFamily,
) -> Result<OwnAddress, Error> {
    // In a task, the instance's metadata would give the host's address, so a failure here is final.
    let task = match &surroundings.task_metadata {
        Some(url) => Some(task::read(url).await?),
        None => None,
    };
    if let Some(task) = &task
        && let Some(address) = task.address(family)?
    {
        return Ok(OwnAddress {
            address,
            source: AddressSource::TaskMetadata,
            availability_zone: task.availability_zone.clone(),
            task: Some(task.arn.clone()),
            cluster: task.cluster.clone(),
        });
    }
    let mut silent = None;
    if task.is_none() {
        match instance::read(surroundings, family).await? {
            Answer::Instance(Some(instance)) => {
                return Ok(OwnAddress {
                    address: instance.address,
                    source: AddressSource::InstanceMetadata,
                    availability_zone: instance.availability_zone,
                    task: None,
                    cluster: None,
                });
            }
            Answer::Instance(None) | Answer::NotAsked => {}
            Answer::Nobody(error) => {
                tracing::info!(
                    error = error.chain(),
                    "instance metadata does not give the own address, so the network interfaces are used; \
                     on EC2, a container reaches the metadata only with a hop limit of at least 2"
                );
                silent = Some(Box::new(error));
            }
        }
    }
    let (interface, address) = interfaces::only(family).map_err(|found| Error::OwnAddress {
        found,
        instance_metadata: silent,
    })?;
    let (availability_zone, task, cluster) = match task {
        Some(task) => (task.availability_zone, Some(task.arn), task.cluster),
        None => (None, None, None),
    };
    Ok(OwnAddress {
        address,
        source: AddressSource::Interface(interface),
        availability_zone,
        task,
        cluster,
    })
}

impl fmt::Display for AddressSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskMetadata => f.write_str("task metadata"),
            Self::InstanceMetadata => f.write_str("instance metadata"),
            Self::Interface(name) => write!(f, "interface {name}"),
        }
    }
}
