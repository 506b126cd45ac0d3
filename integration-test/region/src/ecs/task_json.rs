//! A task as DescribeTasks shows it: without the members that the task does not have or does not show.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::account::Account;
use crate::account::ids::{hexadecimal, uuid};
use crate::account::task::{Container, LaunchType, NetworkMode, Task};
use crate::reply::epoch_seconds;

/// A key and a value; AWS names the two fields differently in different places.
#[derive(Serialize)]
pub(super) struct Tag<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskJson<'a> {
    attachments: Vec<Attachment<'a>>,
    attributes: [Named; 1],
    availability_zone: &'a str,
    cluster_arn: String,
    connectivity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connectivity_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_instance_arn: Option<String>,
    containers: Vec<ContainerJson<'a>>,
    cpu: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<f64>,
    desired_status: &'static str,
    enable_execute_command: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral_storage: Option<EphemeralStorage>,
    group: String,
    health_status: &'static str,
    last_status: &'static str,
    launch_type: &'static str,
    memory: &'static str,
    overrides: Overrides,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_family: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopping_at: Option<f64>,
    tags: Vec<Tag<'a>>,
    task_arn: String,
    task_definition_arn: String,
    version: u64,
}

#[derive(Serialize)]
struct Attachment<'a> {
    id: &'a str,
    r#type: &'static str,
    status: &'static str,
    details: Vec<Named>,
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct EphemeralStorage {
    #[serde(rename = "sizeInGiB")]
    size_in_gib: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overrides {
    container_overrides: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerJson<'a> {
    container_arn: String,
    cpu: &'static str,
    health_status: &'static str,
    image: String,
    last_status: &'static str,
    name: &'a str,
    network_bindings: Vec<NetworkBinding>,
    network_interfaces: Vec<NetworkInterface<'a>>,
    runtime_id: String,
    task_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkBinding {
    #[serde(rename = "bindIP")]
    bind_ip: &'static str,
    container_port: u16,
    host_port: u16,
    protocol: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkInterface<'a> {
    attachment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ipv4_address: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_address: Option<Ipv6Addr>,
}

impl<'a> TaskJson<'a> {
    pub(super) fn new(account: &Account, task: &'a Task, with_tags: bool) -> Self {
        let Task {
            cluster,
            id,
            family,
            revision,
            ..
        } = task;
        let created_at = task.created_at.map(epoch_seconds);
        let fargate = task.launch_type == LaunchType::Fargate;
        let tags = task.tags.iter().filter(|_| with_tags);
        Self {
            attachments: attachments(account, task),
            attributes: [named("ecs.cpu-architecture", "arm64")],
            availability_zone: &task.availability_zone,
            cluster_arn: account.ecs_arn(&format!("cluster/{cluster}")),
            connectivity: "CONNECTED",
            connectivity_at: created_at,
            container_instance_arn: task
                .container_instance
                .as_ref()
                .map(|id| account.ecs_arn(&format!("container-instance/{cluster}/{id}"))),
            containers: (1..)
                .zip(&task.containers)
                .map(|(n, container)| ContainerJson::new(account, task, n, container))
                .collect(),
            cpu: "256",
            created_at,
            desired_status: task.desired_status.as_str(),
            enable_execute_command: false,
            ephemeral_storage: fargate.then_some(EphemeralStorage { size_in_gib: 20 }),
            group: match &task.service {
                Some(service) => format!("service:{service}"),
                None => format!("family:{family}"),
            },
            health_status: "UNKNOWN",
            last_status: task.last_status.as_str(),
            launch_type: task.launch_type.as_str(),
            memory: "512",
            overrides: Overrides {
                container_overrides: [],
            },
            platform_family: fargate.then_some("Linux"),
            platform_version: fargate.then_some("1.4.0"),
            started_at: created_at,
            started_by: task.started_by.as_deref(),
            stopped_at: task.stopped_at.map(epoch_seconds),
            stopping_at: task.stopping_at.map(epoch_seconds),
            tags: tags.map(|(key, value)| Tag { key, value }).collect(),
            task_arn: account.ecs_arn(&format!("task/{cluster}/{id}")),
            task_definition_arn: account.ecs_arn(&format!("task-definition/{family}:{revision}")),
            version: task.version,
        }
    }
}

impl<'a> ContainerJson<'a> {
    fn new(account: &Account, task: &'a Task, number: u64, container: &'a Container) -> Self {
        let Task { cluster, id, .. } = task;
        let name = &container.name;
        let own = uuid(number);
        Self {
            container_arn: account.ecs_arn(&format!("container/{cluster}/{id}/{own}")),
            cpu: "0",
            health_status: "UNKNOWN",
            image: account.image(name),
            last_status: task.last_status.as_str(),
            name,
            network_bindings: match task.network_mode {
                NetworkMode::Awsvpc => Vec::new(),
                NetworkMode::Bridge => vec![NetworkBinding {
                    bind_ip: "0.0.0.0",
                    container_port: 7626,
                    host_port: 32768,
                    protocol: "tcp",
                }],
            },
            network_interfaces: match task.network_mode {
                NetworkMode::Awsvpc if task.shown.interfaces => vec![NetworkInterface {
                    attachment_id: &task.attachment,
                    private_ipv4_address: container
                        .ipv4
                        .or(task.ipv4)
                        .filter(|_| task.shown.address),
                    ipv6_address: task.ipv6.filter(|_| task.shown.address),
                }],
                NetworkMode::Awsvpc | NetworkMode::Bridge => Vec::new(),
            },
            runtime_id: hexadecimal(number),
            task_arn: account.ecs_arn(&format!("task/{cluster}/{id}")),
        }
    }
}

fn attachments<'a>(account: &Account, task: &'a Task) -> Vec<Attachment<'a>> {
    let mut attachments = Vec::new();
    if task.shown.attachment_of_another_kind_first {
        attachments.push(Attachment {
            id: "2c54e7ee-3f1c-4f5e-9d2b-6d3f1f0a7b11",
            r#type: "Service Connect",
            status: "ATTACHED",
            details: vec![named("ContainerName", "ecs-service-connect")],
        });
    }
    if task.shown.attachment && task.network_mode == NetworkMode::Awsvpc {
        let mut details = vec![
            named("subnetId", "subnet-0a1b2c3d4e5f60718"),
            named("networkInterfaceId", &task.interface),
            named("macAddress", "0e:6d:18:f6:2d:29"),
        ];
        if let Some(address) = task.ipv4.filter(|_| task.shown.address) {
            details.push(named("privateDnsName", &account.private_dns_name(address)));
            // AWS does not document the name of an IPv6 address here, so none is shown.
            details.push(named("privateIPv4Address", &address.to_string()));
        }
        attachments.push(Attachment {
            id: &task.attachment,
            r#type: "ElasticNetworkInterface",
            status: if task.shown.address {
                "ATTACHED"
            } else {
                "PRECREATED"
            },
            details,
        });
    }
    attachments
}

fn named(name: &'static str, value: &str) -> Named {
    Named {
        name,
        value: value.to_owned(),
    }
}
