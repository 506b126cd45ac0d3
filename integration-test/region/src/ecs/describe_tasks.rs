//! DescribeTasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::{Failure, cluster, cluster_name, invalid, permit};
use super::task_json::TaskJson;
use crate::account::Account;
use crate::account::identity::Caller;
use crate::reply::ApiError;

/// How many tasks one call may name.
const MAX_TASKS: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    cluster: Option<String>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    tasks: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    tasks: Vec<TaskJson<'a>>,
    failures: Vec<Failure>,
}

/// The tasks are in the order of their ids, not of the request: AWS promises no order.
pub(super) fn answer<'a>(
    account: &'a Account,
    caller: &Caller,
    input: &Input,
) -> Result<Answer<'a>, ApiError> {
    let name = cluster_name(account, input.cluster.as_deref())?;
    let wanted = wanted(account, name, &input.tasks)?;
    let arns = wanted.keys().map(String::as_str);
    permit(account, caller, "ecs:DescribeTasks", arns, name)?;
    if input.tasks.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if MAX_TASKS < input.tasks.len() {
        return Err(invalid("Tasks cannot contain more than 100 items."));
    }
    if input.include.iter().any(|field| field != "TAGS") {
        return Err(invalid("include must be TAGS."));
    }
    let with_tags = !input.include.is_empty();
    let cluster = cluster(account, name)?;

    let mut tasks = Vec::new();
    let mut failures = Vec::new();
    for (arn, id) in wanted {
        match id.and_then(|id| cluster.tasks.get(id)) {
            Some(task) => tasks.push(TaskJson::new(account, task, with_tags)),
            None => failures.push(Failure::missing(arn)),
        }
    }
    Ok(Answer { tasks, failures })
}

/// The requested ARNs, each with its id if it belongs to this cluster.
fn wanted<'a>(
    account: &Account,
    cluster: &str,
    tasks: &'a [String],
) -> Result<BTreeMap<String, Option<&'a str>>, ApiError> {
    let prefix = account.ecs_arn(&format!("task/{cluster}/"));
    let mut wanted = BTreeMap::new();
    for task in tasks {
        let id = task.rsplit('/').next().unwrap_or(task);
        if ![32, 36].contains(&id.len()) {
            return Err(invalid("taskId length should be one of [32,36]"));
        }
        if !task.starts_with("arn:") {
            wanted.insert(format!("{prefix}{id}"), Some(id));
        } else if task.strip_prefix(&prefix) == Some(id) {
            wanted.insert(task.clone(), Some(id));
        } else {
            wanted.insert(task.clone(), None);
        }
    }
    Ok(wanted)
}
