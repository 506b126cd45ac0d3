//! A task as DescribeTasks shows it.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::region::account::task::{Container, LaunchType, NetworkMode, Task};
use crate::region::account::{Account, hexadecimal, uuid};
use crate::region::reply::epoch_seconds;

/// Every member but those that the task does not have or does not show.
pub(super) fn task_json(account: &Account, task: &Task, with_tags: bool) -> Value {
    let cluster = &task.cluster;
    let arn = account.ecs_arn(&format!("task/{cluster}/{}", task.id));
    let Task {
        family, revision, ..
    } = task;
    let group = match &task.service {
        Some(service) => format!("service:{service}"),
        None => format!("family:{family}"),
    };
    let containers: Vec<_> = (1..)
        .zip(&task.containers)
        .map(|(n, container)| container_json(account, task, &arn, n, container))
        .collect();
    let mut shown = Map::from_iter([
        ("attachments".to_owned(), attachments(task)),
        (
            "attributes".to_owned(),
            json!([{"name": "ecs.cpu-architecture", "value": "arm64"}]),
        ),
        (
            "availabilityZone".to_owned(),
            task.availability_zone.as_str().into(),
        ),
        (
            "clusterArn".to_owned(),
            account.ecs_arn(&format!("cluster/{cluster}")).into(),
        ),
        ("connectivity".to_owned(), "CONNECTED".into()),
        ("containers".to_owned(), containers.into()),
        ("cpu".to_owned(), "256".into()),
        (
            "desiredStatus".to_owned(),
            task.desired_status.as_str().into(),
        ),
        ("enableExecuteCommand".to_owned(), false.into()),
        ("group".to_owned(), group.into()),
        ("healthStatus".to_owned(), "UNKNOWN".into()),
        ("lastStatus".to_owned(), task.last_status.as_str().into()),
        ("launchType".to_owned(), task.launch_type.as_str().into()),
        ("memory".to_owned(), "512".into()),
        ("overrides".to_owned(), json!({"containerOverrides": []})),
        ("taskArn".to_owned(), arn.into()),
        (
            "taskDefinitionArn".to_owned(),
            account
                .ecs_arn(&format!("task-definition/{family}:{revision}"))
                .into(),
        ),
        ("version".to_owned(), task.version.into()),
    ]);
    match task.launch_type {
        LaunchType::Fargate => {
            shown.insert("platformVersion".to_owned(), "1.4.0".into());
            shown.insert("platformFamily".to_owned(), "Linux".into());
            shown.insert("ephemeralStorage".to_owned(), json!({"sizeInGiB": 20}));
        }
        LaunchType::Ec2 => {}
    }
    if let Some(id) = &task.container_instance {
        let arn = account.ecs_arn(&format!("container-instance/{cluster}/{id}"));
        shown.insert("containerInstanceArn".to_owned(), arn.into());
    }
    if let Some(started_by) = &task.started_by {
        shown.insert("startedBy".to_owned(), started_by.as_str().into());
    }
    let times: [(&str, Option<SystemTime>); 5] = [
        ("createdAt", task.created_at),
        ("connectivityAt", task.created_at),
        ("startedAt", task.created_at),
        ("stoppingAt", task.stopping_at),
        ("stoppedAt", task.stopped_at),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            shown.insert(name.to_owned(), epoch_seconds(time).into());
        }
    }
    let tags = if with_tags {
        let tags = task.tags.iter();
        tags.map(|(key, value)| json!({"key": key, "value": value}))
            .collect()
    } else {
        Vec::new()
    };
    shown.insert("tags".to_owned(), tags.into());
    shown.into()
}

fn attachments(task: &Task) -> Value {
    let mut attachments = Vec::new();
    if task.shown.attachment_of_another_kind_first {
        attachments.push(json!({
            "id": uuid(u64::MAX),
            "type": "Service Connect",
            "status": "ATTACHED",
            "details": [{"name": "ContainerName", "value": "ecs-service-connect"}],
        }));
    }
    if task.shown.attachment && task.network_mode == NetworkMode::Awsvpc {
        let mut details = vec![
            json!({"name": "subnetId", "value": "subnet-0a1b2c3d4e5f60718"}),
            json!({"name": "networkInterfaceId", "value": task.interface}),
            json!({"name": "macAddress", "value": "0e:6d:18:f6:2d:29"}),
        ];
        if let Some(address) = task.ipv4.filter(|_| task.shown.address) {
            let host = address.to_string().replace('.', "-");
            let name = format!("ip-{host}.eu-west-1.compute.internal");
            details.push(json!({"name": "privateDnsName", "value": name}));
            details.push(json!({"name": "privateIPv4Address", "value": address}));
        }
        let status = if task.shown.address {
            "ATTACHED"
        } else {
            "PRECREATED"
        };
        attachments.push(json!({
            "id": task.attachment,
            "type": "ElasticNetworkInterface",
            "status": status,
            "details": details,
        }));
    }
    attachments.into()
}

fn container_json(
    account: &Account,
    task: &Task,
    task_arn: &str,
    number: u64,
    container: &Container,
) -> Value {
    let name = &container.name;
    let cluster = &task.cluster;
    let id = uuid(number);
    json!({
        "containerArn": account.ecs_arn(&format!("container/{cluster}/{}/{id}", task.id)),
        "taskArn": task_arn,
        "name": name,
        "image": format!("{}.dkr.ecr.{}.amazonaws.com/{name}:1", account.id, account.region),
        "runtimeId": hexadecimal(number),
        "lastStatus": task.last_status.as_str(),
        "networkBindings": network_bindings(task),
        "networkInterfaces": network_interfaces(task, container),
        "healthStatus": "UNKNOWN",
        "cpu": "0",
    })
}

fn network_bindings(task: &Task) -> Value {
    match task.network_mode {
        NetworkMode::Awsvpc => json!([]),
        NetworkMode::Bridge => json!([{
            "bindIP": "0.0.0.0",
            "containerPort": 7626,
            "hostPort": 32768,
            "protocol": "tcp",
        }]),
    }
}

fn network_interfaces(task: &Task, container: &Container) -> Value {
    if !task.shown.interfaces || task.network_mode == NetworkMode::Bridge {
        return json!([]);
    }
    let mut interface = Map::new();
    interface.insert("attachmentId".to_owned(), task.attachment.as_str().into());
    if task.shown.address {
        if let Some(address) = container.ipv4.or(task.ipv4) {
            interface.insert("privateIpv4Address".to_owned(), json!(address));
        }
        if let Some(address) = task.ipv6 {
            interface.insert("ipv6Address".to_owned(), json!(address));
        }
    }
    json!([interface])
}
