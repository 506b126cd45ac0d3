//! What the operations share: the cluster, permissions, and failures for what does not exist.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::access::{Access, authorise};
use crate::account::Account;
use crate::account::cluster::Cluster;
use crate::account::identity::Caller;
use crate::reply::ApiError;

/// What could not be described.
#[derive(Serialize)]
pub(super) struct Failure {
    arn: String,
    reason: &'static str,
}

impl Failure {
    /// It does not exist, or not here.
    pub(super) fn missing(arn: String) -> Self {
        Self {
            arn,
            reason: "MISSING",
        }
    }
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}

/// The cluster that a request names. It need not exist.
pub(super) fn cluster_name<'a>(
    account: &Account,
    named: Option<&'a str>,
) -> Result<&'a str, ApiError> {
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

pub(super) fn cluster<'a>(account: &'a Account, name: &str) -> Result<&'a Cluster, ApiError> {
    account.clusters.get(name).ok_or_else(cluster_not_found)
}

fn cluster_not_found() -> ApiError {
    ApiError::new(400, "ClusterNotFoundException", "Cluster not found.")
}

/// Whether the caller may perform this action on each of these resources, in a cluster.
pub(super) fn permit<'a>(
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
