//! Errors, grouped by what the caller can do about them.
//!
//! A message says what was attempted and how that failed; the cause is the
//! [`source`](std::error::Error::source). Print whole chains, with [`Chain`].

use std::{error::Error as StdError, fmt, net::IpAddr, time::Duration};

use crate::{
    Chain,
    config::{AddressFamily, Invalid},
    own::Candidate,
};

#[cfg(any(feature = "ec2", feature = "ecs"))]
pub(crate) mod aws;

/// The action for assuming a role, for any purpose.
pub(crate) const ASSUME_ROLE: &str = "sts:AssumeRole";

/// A cause of any type.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// What can be done about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again later: throttled, unreachable, timed out.
    RetryLater,
    /// Grant the permission that the error names.
    FixPermissions,
    /// Correct the configuration that the error names.
    FixConfiguration,
}

/// What was being done, in words, and the IAM action that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The action, as IAM spells it: `ecs:ListTasks`.
    pub action: &'static str,
    /// For example ``listing the tasks of service `demo` in cluster `prod` ``.
    pub what: String,
}

/// Why a lookup failed. A failed lookup changes nothing, and each of these can happen in normal
/// operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AWS asks for fewer calls. All callers in the account and region share its limits.
    #[error("{attempt}: throttled")]
    Throttled {
        /// What was attempted.
        attempt: Attempt,
        /// AWS's own words.
        #[source]
        source: Cause,
    },
    /// There was no connection, or it broke.
    #[error("{attempt}: {endpoint} could not be reached")]
    Unreachable {
        /// What was attempted.
        attempt: Attempt,
        /// What was called, in words: the endpoint's URL, or the region whose endpoint it was.
        endpoint: String,
        /// The connection's error.
        #[source]
        source: Cause,
    },
    /// There was no answer in time.
    #[error("{attempt}: no answer within {after:?}")]
    TimedOut {
        /// What was being waited for.
        attempt: Attempt,
        /// How long the whole lookup or this call was allowed to take.
        after: Duration,
    },
    /// The service failed.
    #[error("{attempt}: the service failed with HTTP status {status}")]
    ServerFault {
        /// What was attempted.
        attempt: Attempt,
        /// The status, usually 5xx.
        status: u16,
        /// AWS's own words.
        #[source]
        source: Cause,
    },
    /// The answer was cut short, or is not an answer of this API. If this repeats, something other than AWS
    /// answers at the endpoint: a proxy, or the URL is wrong.
    #[error("{attempt}: the answer could not be understood")]
    Undecodable {
        /// What was attempted.
        attempt: Attempt,
        /// What could not be read.
        #[source]
        source: Cause,
    },
    /// The answer is larger than any answer of this API. Usually something other than AWS answers.
    #[error("{attempt}: the answer is larger than the limit of {most} bytes")]
    TooLarge {
        /// What was attempted.
        attempt: Attempt,
        /// How many bytes are read at most.
        most: usize,
    },
    /// The listing would never end: the API gave the same page token twice.
    #[error("{attempt}: AWS gave the same page token twice")]
    RepeatedPage {
        /// What was attempted.
        attempt: Attempt,
    },
    /// There is a source of credentials, but it failed to give them now.
    #[error("{attempt}: the source of the AWS credentials failed")]
    CredentialsUnavailable {
        /// What was attempted.
        attempt: Attempt,
        /// The error of that source.
        #[source]
        source: Cause,
    },
    /// ECS does not describe the caller's own task yet. This happens right after its start.
    #[error("{task} is not visible in cluster `{cluster}` yet")]
    OwnTaskMissing {
        /// The caller's task.
        task: String,
        /// Where it was looked for.
        cluster: String,
    },
    /// The metadata endpoint exists, but gave no usable answer.
    #[error("reading the metadata at {url}: {problem}")]
    Metadata {
        /// What was read.
        url: String,
        /// What went wrong.
        problem: MetadataProblem,
        /// The cause, if there is one.
        #[source]
        source: Option<Cause>,
    },

    /// The caller's role lacks a permission.
    #[error("{attempt}: not authorized to perform {action}{}", on(resource.as_deref()))]
    AccessDenied {
        /// What was attempted.
        attempt: Attempt,
        /// The action that is missing, `ecs:ListTasks` for example.
        action: String,
        /// The resource that it is missing for, if AWS says so.
        resource: Option<String>,
        /// AWS's own words.
        #[source]
        source: Cause,
    },

    /// A setting is wrong.
    #[error(transparent)]
    Configuration(#[from] Invalid),
    /// No region is known.
    #[error(
        "no AWS region is known: set `region` for the method, AWS_REGION in the environment, \
         or a region in the AWS profile"
    )]
    NoRegion,
    /// There are no credentials, or their configuration is wrong.
    #[error(
        "{attempt}: no usable AWS credentials were found; give the task or instance a role, \
         set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile with AWS_PROFILE"
    )]
    NoCredentials {
        /// What was attempted.
        attempt: Attempt,
        /// Where they were looked for.
        #[source]
        source: Cause,
    },
    /// AWS does not accept the credentials: expired, unknown, signed with a wrong clock.
    #[error("{attempt}: AWS rejects the credentials ({code})")]
    CredentialsRejected {
        /// What was attempted.
        attempt: Attempt,
        /// AWS's code.
        code: String,
        /// AWS's own words.
        #[source]
        source: Cause,
    },
    /// The SDK cannot build a request from this configuration.
    #[error("{attempt}: the request cannot be built from this configuration")]
    Unbuildable {
        /// What was attempted.
        attempt: Attempt,
        /// The SDK's own words.
        #[source]
        source: Cause,
    },
    /// The configured cluster does not exist in this account and region.
    #[error("{attempt}: there is no such cluster in this account and region")]
    NoSuchCluster {
        /// What was attempted.
        attempt: Attempt,
        /// AWS's own words.
        #[source]
        source: Cause,
    },
    /// The cluster has no such service.
    #[error("{attempt}: there is no such service in this cluster")]
    NoSuchService {
        /// What was attempted.
        attempt: Attempt,
        /// AWS's own words.
        #[source]
        source: Cause,
    },
    /// AWS refuses the request itself, for example because of a filter that it does not know.
    #[error("{attempt}: AWS refuses the request ({code})")]
    Rejected {
        /// What was attempted.
        attempt: Attempt,
        /// AWS's code.
        code: String,
        /// AWS's own words.
        #[source]
        source: Cause,
    },
    /// A task is not in network mode `awsvpc`, so it has no own address.
    #[error("{task} has no own address: its network mode is `{mode}`, expected `awsvpc`")]
    NetworkMode {
        /// The task.
        task: String,
        /// Its mode; `bridge or host` if only its port mappings show that it is not `awsvpc`.
        mode: String,
    },
    /// The method only works inside an ECS task.
    #[error(
        "this process does not run in an ECS task: \
         neither ECS_CONTAINER_METADATA_URI_V4 nor ECS_CONTAINER_METADATA_URI is set"
    )]
    NotInTask,
    /// The configured cluster is not the one that the caller's own task runs in.
    #[error("{task} runs in cluster `{actual}`, but `{configured}` is configured")]
    OtherCluster {
        /// The caller's task.
        task: String,
        /// Its cluster.
        actual: String,
        /// The configured one.
        configured: String,
    },
    /// The caller's task belongs to no group of tasks.
    #[error("{task} has no `startedBy`: it belongs to no service, deployment or task set")]
    NoGroup {
        /// The caller's task.
        task: String,
    },
    /// The own address is not certain: this host has no possible address, or more than one.
    #[error(
        "this host's own address is not certain: {}{}",
        candidates(found),
        hop_limit(instance_metadata.is_some())
    )]
    OwnAddress {
        /// Every address of this host, and why it was or was not taken.
        found: Vec<Candidate>,
        /// Why the instance metadata, which is asked before the interfaces, gave no address.
        #[source]
        instance_metadata: Option<Box<Self>>,
    },
}

/// What went wrong with a metadata endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataProblem {
    /// No connection, or it broke.
    #[error("no connection")]
    Unreachable,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// An answer other than 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// Larger than documented.
    #[error("the answer is too large")]
    TooLarge,
    /// Not as documented.
    #[error("the answer could not be understood")]
    Undecodable,
    /// No answer, although this certainly is an EC2 instance.
    #[error(
        "no answer, although this is an EC2 instance; a container reaches the metadata only if the \
         instance's HttpPutResponseHopLimit is at least 2"
    )]
    SilentOnEc2,
    /// The answer names no task.
    #[error("the answer names no task")]
    NoTask,
    /// The answer has no address.
    #[error("the answer has no address")]
    NoAddress,
    /// One family is required, and the answer only has an address of the other.
    #[error("it has only {}; set address-family to auto or {}", .0, family(.0))]
    Only(IpAddr),
}

impl Attempt {
    /// An attempt to do this, which needs this action.
    pub fn new(action: &'static str, what: impl Into<String>) -> Self {
        Self {
            action,
            what: what.into(),
        }
    }
}

impl Error {
    /// What the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Metadata {
                problem: MetadataProblem::Only(_),
                ..
            } => Remedy::FixConfiguration,
            Self::Throttled { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::ServerFault { .. }
            | Self::Undecodable { .. }
            | Self::TooLarge { .. }
            | Self::RepeatedPage { .. }
            | Self::CredentialsUnavailable { .. }
            | Self::OwnTaskMissing { .. }
            | Self::Metadata { .. } => Remedy::RetryLater,
            Self::AccessDenied { .. } => Remedy::FixPermissions,
            Self::Configuration(_)
            | Self::NoRegion
            | Self::NoCredentials { .. }
            | Self::CredentialsRejected { .. }
            | Self::Unbuildable { .. }
            | Self::NoSuchCluster { .. }
            | Self::NoSuchService { .. }
            | Self::Rejected { .. }
            | Self::NetworkMode { .. }
            | Self::NotInTask
            | Self::OtherCluster { .. }
            | Self::NoGroup { .. }
            | Self::OwnAddress { .. } => Remedy::FixConfiguration,
        }
    }

    /// The error and its causes in one line, for places that keep text only.
    pub(crate) fn chain(&self) -> String {
        Chain(self).to_string()
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RetryLater => "retry later",
            Self::FixPermissions => "fix permissions",
            Self::FixConfiguration => "fix configuration",
        })
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

fn family(address: &IpAddr) -> AddressFamily {
    AddressFamily::of(*address)
}

fn on(resource: Option<&str>) -> String {
    resource.map_or_else(String::new, |resource| format!(" on {resource}"))
}

/// If the hop limit is too low, the answer with the token is dropped on its way, which looks like no answer.
fn hop_limit(silent: bool) -> &'static str {
    if silent {
        "; the instance metadata did not give it either (on EC2, a container reaches it only if \
         the instance's HttpPutResponseHopLimit is at least 2)"
    } else {
        ""
    }
}

fn candidates(found: &[Candidate]) -> String {
    if found.is_empty() {
        return "this host has no network interface".to_owned();
    }
    let found: Vec<String> = found.iter().map(Candidate::to_string).collect();
    found.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_instance_metadata_is_explained_by_its_hop_limit() {
        let silent = Error::Metadata {
            url: "http://169.254.169.254".to_owned(),
            problem: MetadataProblem::TimedOut,
            source: None,
        };
        let error = |instance_metadata| Error::OwnAddress {
            found: Vec::new(),
            instance_metadata,
        };
        assert_eq!(
            error(Some(Box::new(silent))).chain(),
            "this host's own address is not certain: this host has no network interface; the \
             instance metadata did not give it either (on EC2, a container reaches it only if the \
             instance's HttpPutResponseHopLimit is at least 2): reading the metadata at \
             http://169.254.169.254: no answer in time"
        );
        assert!(!error(None).chain().contains("HopLimit"));
    }
}
