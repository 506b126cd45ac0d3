//! DescribeServices.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::request::{Failure, cluster, cluster_name, invalid, permit};
use crate::account::Account;
use crate::account::cluster::{Cluster, Deployment, Service, TaskSet};
use crate::account::identity::Caller;
use crate::account::task::{DesiredStatus, Task, TaskStatus};
use crate::reply::{ApiError, epoch_seconds};

/// How many services one call may name.
const MAX_SERVICES: usize = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    cluster: Option<String>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    services: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Answer {
    services: Vec<Value>,
    failures: Vec<Failure>,
}

/// What is shown of a service, and the data for it.
struct View<'a> {
    account: &'a Account,
    cluster_name: &'a str,
    cluster: &'a Cluster,
    name: &'a str,
    service: &'a Service,
}

pub(super) fn answer(
    account: &Account,
    caller: &Caller,
    input: &Input,
) -> Result<Answer, ApiError> {
    let cluster_name = cluster_name(account, input.cluster.as_deref())?;
    let prefix = account.ecs_arn(&format!("service/{cluster_name}/"));
    let name_of = |service: &str| service.strip_prefix(&prefix).unwrap_or(service).to_owned();
    let arn_of = |service: &str| {
        if service.starts_with("arn:") {
            service.to_owned()
        } else {
            format!("{prefix}{service}")
        }
    };
    let arns: Vec<_> = input.services.iter().map(|name| arn_of(name)).collect();
    let resources = arns.iter().map(String::as_str);
    permit(
        account,
        caller,
        "ecs:DescribeServices",
        resources,
        cluster_name,
    )?;
    if input.services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if MAX_SERVICES < input.services.len() {
        return Err(invalid("Services cannot contain more than 10 items."));
    }
    if input.include.iter().any(|field| field != "TAGS") {
        return Err(invalid("include must be TAGS."));
    }
    let with_tags = !input.include.is_empty();
    let cluster = cluster(account, cluster_name)?;

    let mut services = Vec::new();
    let mut failures = Vec::new();
    for wanted in &input.services {
        let name = name_of(wanted);
        match cluster.services.get(&name) {
            Some(service) => {
                let view = View {
                    account,
                    cluster_name,
                    cluster,
                    name: &name,
                    service,
                };
                services.push(view.json(with_tags));
            }
            None => failures.push(Failure::missing(arn_of(wanted))),
        }
    }
    Ok(Answer { services, failures })
}

impl View<'_> {
    fn json(&self, with_tags: bool) -> Value {
        let Self {
            account,
            cluster_name,
            name,
            service,
            ..
        } = self;
        let (running, pending) = self.count(|_| true);
        let by_task_sets = !service.task_sets.is_empty();
        let controller = if by_task_sets { "EXTERNAL" } else { "ECS" };
        let deployments: Vec<_> = service
            .deployments
            .iter()
            .map(|d| self.deployment(d))
            .collect();
        let task_sets: Vec<_> = service.task_sets.iter().map(|t| self.task_set(t)).collect();
        let mut shown = json!({
            "serviceArn": account.ecs_arn(&format!("service/{cluster_name}/{name}")),
            "serviceName": name,
            "clusterArn": account.ecs_arn(&format!("cluster/{cluster_name}")),
            "status": service.status,
            "desiredCount": service.desired_count,
            "runningCount": running,
            "pendingCount": pending,
            "launchType": "FARGATE",
            "deploymentController": {"type": controller},
            "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200},
            "deployments": deployments,
            "events": [],
            "createdAt": epoch_seconds(service.created_at),
            "schedulingStrategy": "REPLICA",
            "enableECSManagedTags": false,
            "enableExecuteCommand": false,
            "propagateTags": "NONE",
        });
        if by_task_sets {
            shown["taskSets"] = task_sets.into();
        }
        if with_tags {
            let tags = service.tags.iter();
            shown["tags"] = tags
                .map(|(key, value)| json!({"key": key, "value": value}))
                .collect();
        }
        shown
    }

    fn deployment(&self, deployment: &Deployment) -> Value {
        let (running, pending) = self.count_started_by(&deployment.id);
        let definition = format!("task-definition/{}:{}", self.name, deployment.revision);
        json!({
            "id": deployment.id,
            "status": deployment.status,
            "taskDefinition": self.account.ecs_arn(&definition),
            "desiredCount": self.service.desired_count,
            "runningCount": running,
            "pendingCount": pending,
            "createdAt": epoch_seconds(deployment.created_at),
            "updatedAt": epoch_seconds(deployment.created_at),
            "rolloutState": "COMPLETED",
        })
    }

    fn task_set(&self, task_set: &TaskSet) -> Value {
        let Self {
            account,
            cluster_name,
            name,
            service,
            ..
        } = self;
        let id = &task_set.id;
        let (running, pending) = self.count_started_by(id);
        let short = id.strip_prefix("ecs-svc/").unwrap_or(id);
        json!({
            "id": id,
            "taskSetArn": account.ecs_arn(&format!("task-set/{cluster_name}/{name}/{short}")),
            "serviceArn": account.ecs_arn(&format!("service/{cluster_name}/{name}")),
            "clusterArn": account.ecs_arn(&format!("cluster/{cluster_name}")),
            "status": task_set.status,
            "taskDefinition": account.ecs_arn(&format!("task-definition/{name}:1")),
            "computedDesiredCount": service.desired_count,
            "runningCount": running,
            "pendingCount": pending,
            "createdAt": epoch_seconds(task_set.created_at),
            "updatedAt": epoch_seconds(task_set.created_at),
            "scale": {"value": 100.0, "unit": "PERCENT"},
            "stabilityStatus": "STEADY_STATE",
        })
    }

    fn count_started_by(&self, id: &str) -> (usize, usize) {
        self.count(|task| task.started_by.as_deref() == Some(id))
    }

    /// How many of the service's tasks run, and how many are pending.
    fn count(&self, counted: impl Fn(&Task) -> bool) -> (usize, usize) {
        let wanted = self.cluster.tasks.values().filter(|task| {
            task.service.as_deref() == Some(self.name)
                && task.desired_status == DesiredStatus::Running
                && counted(task)
        });
        let (running, pending): (Vec<_>, Vec<_>) =
            wanted.partition(|task| task.last_status == TaskStatus::Running);
        (running.len(), pending.len())
    }
}
