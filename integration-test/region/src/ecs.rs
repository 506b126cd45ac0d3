//! Amazon ECS: JSON 1.1, three operations that read.
//!
//! Each operation is a pure function of the account and the request.
//! Where AWS's behaviour for unusual input is not known, the input is refused.

mod describe_services;
mod describe_tasks;
mod list_tasks;
mod request;
mod task_json;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::account::Account;
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
        | Action::DescribeAutoScalingGroups
        | Action::AssumeRole
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
