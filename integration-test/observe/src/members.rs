//! What nodes answer about their cluster.

use hyper::StatusCode;
use serde::Deserialize;

use crate::http::Answer;

/// Where they are asked.
pub const PATH: &str = "/cluster/members";

/// What a node answers for `/cluster/members`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    /// The node that answers.
    pub self_node: String,
    /// All that are in the cluster, the node itself included.
    pub members: Vec<Member>,
    /// Members that somebody cannot reach at present.
    pub unreachable: Vec<Unreachable>,
    /// The lowest-addressed member that is up.
    pub leader: Option<String>,
    /// The member that started first.
    pub oldest: Option<String>,
    /// Which cluster this is; none before the node is in one.
    pub cluster: Option<Cluster>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Its address.
    pub node: String,
    /// For example `Up`.
    pub status: String,
}

/// A member that cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unreachable {
    /// Its address.
    pub node: String,
}

/// A cluster, as against another of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cluster {
    /// Decided once, when it was founded.
    pub id: String,
}

/// An answer that says nothing about members.
#[derive(Debug, thiserror::Error)]
pub enum NoMembers {
    /// The node does not answer this.
    #[error("not with status 200")]
    Status,
    /// It is something else.
    #[error("not as nodes do")]
    Unreadable(#[source] serde_json::Error),
}

impl Members {
    /// Reads a node's answer.
    pub fn read(answer: &Answer) -> Result<Self, NoMembers> {
        if answer.status != StatusCode::OK {
            return Err(NoMembers::Status);
        }
        serde_json::from_str(&answer.body).map_err(NoMembers::Unreadable)
    }
}
