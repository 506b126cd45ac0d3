//! ListTasks.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::request::{cluster, cluster_name, invalid, permit};
use crate::account::Account;
use crate::account::identity::Caller;
use crate::account::task::Task;
use crate::faults::PagingFaults;
use crate::paging::Pager;
use crate::reply::ApiError;

/// The largest page, and the default.
const MAX_RESULTS: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    cluster: Option<String>,
    container_instance: Option<String>,
    daemon_name: Option<String>,
    desired_status: Option<String>,
    family: Option<String>,
    launch_type: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    service_name: Option<String>,
    started_by: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    task_arns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn answer(
    account: &Account,
    caller: &Caller,
    input: &Input,
    faults: &PagingFaults,
) -> Result<Answer, ApiError> {
    let name = cluster_name(account, input.cluster.as_deref())?;
    permit(account, caller, "ecs:ListTasks", ["*"], name)?;
    input.check_combination()?;
    let size = input.page_size()?;
    let desired_status = input.desired_status()?;
    input.check_launch_type()?;
    let cluster = cluster(account, name)?;
    let service = input.service(account, name)?;
    if service.is_some_and(|service| !cluster.services.contains_key(service)) {
        return Err(ApiError::new(
            400,
            "ServiceNotFoundException",
            "Service not found.",
        ));
    }

    let list = (
        name,
        (service, &input.family, &input.started_by),
        (&input.container_instance, &input.launch_type),
        desired_status,
    );
    let pager = Pager::new(list, input.next_token.as_deref(), size)
        .map_err(|_invalid_token| invalid("Invalid token."))?;
    let container_instance = input.container_instance(account, name);
    let matches = |task: &Task| {
        task.desired_status.as_str() == desired_status
            && service.is_none_or(|service| task.service.as_deref() == Some(service))
            && same_or_any(input.family.as_deref(), Some(&task.family))
            && same_or_any(input.started_by.as_deref(), task.started_by.as_deref())
            && same_or_any(
                input.launch_type.as_deref(),
                Some(task.launch_type.as_str()),
            )
            && same_or_any(container_instance, task.container_instance.as_deref())
    };
    let after = Bound::Excluded(pager.after());
    let tasks = cluster
        .tasks
        .range::<str, _>((after, Bound::Unbounded))
        .filter(|(_, task)| matches(task))
        .map(|(id, _)| (id.as_str(), account.ecs_arn(&format!("task/{name}/{id}"))));
    let page = pager.cut(tasks, faults);

    Ok(Answer {
        task_arns: page.items,
        next_token: page.next_token,
    })
}

fn same_or_any(wanted: Option<&str>, actual: Option<&str>) -> bool {
    wanted.is_none() || wanted == actual
}

impl Input {
    /// `startedBy` must be the only filter. So must `serviceName`, except for the desired status. Other pairs that
    /// have not been seen to work are refused.
    fn check_combination(&self) -> Result<(), ApiError> {
        let container_instance = self.container_instance.is_some();
        let family = self.family.is_some();
        let launch_type = self.launch_type.is_some();
        let daemon = self.daemon_name.is_some();
        let service = self.service_name.is_some();
        let others = container_instance || family || launch_type || daemon;
        if self.started_by.is_some() && (others || service || self.desired_status.is_some()) {
            return Err(invalid("cannot specify startedBy with other arguments"));
        }
        if service && others {
            return Err(invalid("cannot specify serviceName with other arguments"));
        }
        if daemon {
            return Err(invalid("cannot specify daemonName: there are no daemons"));
        }
        if container_instance && family {
            return Err(invalid(
                "cannot specify containerInstance with other arguments",
            ));
        }
        Ok(())
    }

    fn page_size(&self) -> Result<usize, ApiError> {
        match self.max_results {
            None => Ok(MAX_RESULTS),
            Some(size) => usize::try_from(size)
                .ok()
                .filter(|size| (1..=MAX_RESULTS).contains(size))
                .ok_or_else(|| invalid("maxResults must be between 1 and 100.")),
        }
    }

    fn desired_status(&self) -> Result<&str, ApiError> {
        match self.desired_status.as_deref() {
            None => Ok("RUNNING"),
            Some(status @ ("RUNNING" | "PENDING" | "STOPPED")) => Ok(status),
            Some(_) => Err(invalid(
                "desiredStatus must be one of RUNNING, PENDING, STOPPED.",
            )),
        }
    }

    fn check_launch_type(&self) -> Result<(), ApiError> {
        match self.launch_type.as_deref() {
            None | Some("EC2" | "FARGATE" | "EXTERNAL" | "MANAGED_INSTANCES") => Ok(()),
            Some(_) => Err(invalid("Invalid launch type.")),
        }
    }

    /// The name of the service, which may be given as an ARN.
    fn service(&self, account: &Account, cluster: &str) -> Result<Option<&str>, ApiError> {
        let Some(service) = self.service_name.as_deref() else {
            return Ok(None);
        };
        if !service.starts_with("arn:") {
            return Ok(Some(service));
        }
        match service.strip_prefix(&account.ecs_arn(&format!("service/{cluster}/"))) {
            Some(name) => Ok(Some(name)),
            None => Err(invalid("The service is not one of this cluster.")),
        }
    }

    /// The id of the container instance, which may be given as an ARN.
    fn container_instance(&self, account: &Account, cluster: &str) -> Option<&str> {
        let named = self.container_instance.as_deref()?;
        let prefix = account.ecs_arn(&format!("container-instance/{cluster}/"));
        Some(named.strip_prefix(&prefix).unwrap_or(named))
    }
}
