//! What the ECS agent serves inside each task: metadata (versions 3 and 4) and credentials.
//!
//! In AWS the address 169.254.170.2 tells tasks apart by the sender of a request; here the path does.

use serde_json::{Map, Value, json};

use super::account::Account;
use super::account::ids::{hexadecimal, uuid};
use super::account::task::{Container, NetworkMode, Task, TaskArn};
use super::reply::{ApiError, Reply, iso_8601};

/// A version of the endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    V3,
    V4,
}

/// Answers a path below a task's endpoint, for example `/task`.
pub(super) fn answer(
    account: &Account,
    version: Version,
    task_id: &str,
    path: &str,
) -> Result<Reply, ApiError> {
    let Some((arn, task)) = account.find_task(task_id) else {
        let message = format!("V4 task metadata handler: unable to get task '{task_id}'");
        return Err(ApiError::new(404, "NotFound", message));
    };
    let view = View {
        account,
        version,
        arn: &arn,
        task,
    };
    match path {
        "" | "/" => match task.containers.first() {
            Some(container) => Ok(Reply::json(&view.container(1, container))),
            None => Err(not_found(path)),
        },
        "/task" => Ok(Reply::json(&view.task())),
        _ => Err(not_found(path)),
    }
}

/// A task's credentials, as the agent returns them for the right token.
pub(super) fn credentials(
    account: &mut Account,
    task_id: &str,
    authorization: Option<&str>,
) -> Result<Reply, ApiError> {
    let (role, token) = account
        .find_task(task_id)
        .and_then(|(_, task)| Some((task.role.clone()?, task.credentials_token.clone())))
        .ok_or_else(|| {
            let message = "Credentials not found".to_owned();
            ApiError::new(404, "InvalidIdInRequest", message)
        })?;
    if authorization != Some(&token) {
        let message = "The authorization token is missing or wrong";
        return Err(ApiError::new(401, "Unauthorized", message));
    }
    let credentials = account.credentials(&role, task_id);
    Ok(Reply::json(&json!({
        "RoleArn": format!("arn:aws:iam::{}:role/{role}", account.id),
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": iso_8601(credentials.expires_at),
    })))
}

fn not_found(path: &str) -> ApiError {
    ApiError::new(404, "NotFound", format!("404 page not found: {path}"))
}

struct View<'a> {
    account: &'a Account,
    version: Version,
    arn: &'a TaskArn,
    task: &'a Task,
}

impl View<'_> {
    fn task(&self) -> Value {
        let task = self.task;
        let containers: Vec<_> = (1..)
            .zip(&task.containers)
            .map(|(n, container)| self.container(n, container))
            .collect();
        let mut shown = json!({
            "Cluster": self.account.ecs_arn(&format!("cluster/{}", task.cluster)),
            "TaskARN": self.arn.as_str(),
            "Family": task.family,
            "Revision": task.revision.to_string(),
            "DesiredStatus": task.desired_status.as_str(),
            "KnownStatus": task.last_status.as_str(),
            "Containers": containers,
            "Limits": {"CPU": 0.25, "Memory": 512},
            "AvailabilityZone": task.availability_zone,
        });
        if self.version == Version::V4 {
            shown["LaunchType"] = task.launch_type.as_str().into();
            if let Some(service) = &task.service {
                shown["ServiceName"] = service.as_str().into();
            }
        }
        shown
    }

    fn container(&self, number: u64, container: &Container) -> Value {
        let task = self.task;
        let name = &container.name;
        let mut shown = json!({
            "DockerId": format!("{}-{number:010}", task.id),
            "Name": name,
            "DockerName": name,
            "Image": self.account.image(name),
            "ImageID": format!("sha256:{}", hexadecimal(number)),
            "Labels": {
                "com.amazonaws.ecs.cluster": self.account.ecs_arn(&format!("cluster/{}", task.cluster)),
                "com.amazonaws.ecs.container-name": name,
                "com.amazonaws.ecs.task-arn": self.arn.as_str(),
                "com.amazonaws.ecs.task-definition-family": task.family,
                "com.amazonaws.ecs.task-definition-version": task.revision.to_string(),
            },
            "DesiredStatus": task.desired_status.as_str(),
            "KnownStatus": task.last_status.as_str(),
            "Limits": {"CPU": 2},
            "Type": "NORMAL",
            "Networks": [self.network(container)],
        });
        if self.version == Version::V4 {
            let id = uuid(number);
            let resource = format!("container/{}/{}/{id}", task.cluster, task.id);
            shown["ContainerARN"] = self.account.ecs_arn(&resource).into();
        }
        shown
    }

    /// Like the agent, leaves out members without a value.
    fn network(&self, container: &Container) -> Value {
        let task = self.task;
        let mut network = Map::new();
        match task.network_mode {
            NetworkMode::Bridge => {
                network.insert("NetworkMode".to_owned(), "bridge".into());
                network.insert("IPv4Addresses".to_owned(), json!(["172.17.0.2"]));
            }
            NetworkMode::Awsvpc => {
                network.insert("NetworkMode".to_owned(), "awsvpc".into());
                if let Some(address) = container.ipv4.or(task.ipv4) {
                    network.insert("IPv4Addresses".to_owned(), json!([address]));
                }
                if let Some(address) = task.ipv6 {
                    network.insert("IPv6Addresses".to_owned(), json!([address]));
                }
                if self.version == Version::V4 {
                    network.insert("AttachmentIndex".to_owned(), 0.into());
                    network.insert("MACAddress".to_owned(), "0e:6d:18:f6:2d:29".into());
                }
            }
        }
        network.into()
    }
}
