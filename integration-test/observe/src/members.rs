//! A node's answer about its cluster.

use hyper::StatusCode;
use serde::Deserialize;

use crate::http::Answer;

/// The path to ask.
pub const PATH: &str = "/cluster/members";

/// A node's answer for `/cluster/members`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    /// The node that answers.
    pub self_node: String,
    /// All members of the cluster, including the node itself.
    pub members: Vec<Member>,
    /// Members that some member cannot reach at present.
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

/// A cluster's identity, which distinguishes it from others with the same name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cluster {
    /// Chosen once, when the cluster was formed.
    pub id: String,
}

/// An answer without members.
#[derive(Debug, thiserror::Error)]
pub enum NoMembers {
    /// The node has no such path.
    #[error("not with status 200")]
    Status,
    /// The answer is something else.
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
