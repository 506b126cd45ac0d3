//! Amazon ECS: JSON 1.1, three operations that read.
//!
//! Each operation is a pure function of the account and the request.
//! Where it is not known what AWS does with odd input, the input is refused.

mod describe_services;
mod describe_tasks;
mod list_tasks;
mod task_json;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::{Access, authorise};
use super::account::Account;
use super::account::cluster::Cluster;
use super::account::identity::Caller;
use super::calls::Action;
use super::faults::PagingFaults;
use super::reply::ApiError;

/// The prefix of `x-amz-target`.
const TARGET: &str = "AmazonEC2ContainerServiceV20141113.";

/// The operation that `x-amz-target` names.
pub(super) fn action(target: &str) -> Action {
    match target.strip_prefix(TARGET) {
        Some("ListTasks") => Action::ListTasks,
        Some("DescribeTasks") => Action::DescribeTasks,
        Some("DescribeServices") => Action::DescribeServices,
        Some(_) | None => Action::Unknown,
    }
}

/// What could not be described.
#[derive(Serialize)]
struct Failure {
    arn: String,
    reason: &'static str,
}

impl Failure {
    /// It is not there, or not here.
    fn missing(arn: String) -> Self {
        Self {
            arn,
            reason: "MISSING",
        }
    }
}

/// Answers one operation in JSON.
pub(super) fn answer(
    account: &Account,
    caller: &Caller,
    action: Action,
    body: &[u8],
    faults: &PagingFaults,
) -> Result<String, ApiError> {
    match action {
        Action::ListTasks => {
            list_tasks::answer(account, caller, &input(body)?, faults).map(|answer| json(&answer))
        }
        Action::DescribeTasks => {
            describe_tasks::answer(account, caller, &input(body)?).map(|answer| json(&answer))
        }
        Action::DescribeServices => {
            describe_services::answer(account, caller, &input(body)?).map(|answer| json(&answer))
        }
        Action::DescribeInstances
        | Action::TaskMetadata
        | Action::TaskCredentials
        | Action::InstanceToken
        | Action::InstanceMetadata
        | Action::Unknown => Err(ApiError::new(400, "UnknownOperationException", "")),
    }
}

fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("no map in it has a key that is not text")
}

fn input<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "SerializationException", error.to_string()))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}

/// The cluster that a request means, by name. It need not exist.
fn cluster_name<'a>(account: &Account, named: Option<&'a str>) -> Result<&'a str, ApiError> {
    let named = named.unwrap_or("default");
    let name = match named.strip_prefix(&account.ecs_arn("cluster/")) {
        Some(name) => name,
        None if named.starts_with("arn:") => return Err(cluster_not_found()),
        None => named,
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || 255 < name.len() || !name.chars().all(valid) {
        return Err(invalid("Invalid cluster name."));
    }
    Ok(name)
}

fn cluster<'a>(account: &'a Account, name: &str) -> Result<&'a Cluster, ApiError> {
    account.clusters.get(name).ok_or_else(cluster_not_found)
}

fn cluster_not_found() -> ApiError {
    ApiError::new(400, "ClusterNotFoundException", "Cluster not found.")
}

/// Whether the caller may do this to each of these, in a cluster.
fn permit<'a>(
    account: &Account,
    caller: &Caller,
    action: &str,
    resources: impl IntoIterator<Item = &'a str>,
    cluster: &str,
) -> Result<(), ApiError> {
    let context = BTreeMap::from([
        (
            "ecs:cluster",
            account.ecs_arn(&format!("cluster/{cluster}")),
        ),
        ("aws:RequestedRegion", account.region.clone()),
    ]);
    for resource in resources {
        let access = Access {
            action,
            resource,
            context: &context,
        };
        authorise(account, caller, &access)
            .map_err(|denied| ApiError::new(400, "AccessDeniedException", denied.message))?;
    }
    Ok(())
}
