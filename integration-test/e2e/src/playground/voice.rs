//! What a node says about itself, as far as the playground needs it: read from `/bootstrap` and `/cluster/members`,
//! and passed to the page with the same names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one node says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Voice {
    /// What it does.
    pub(super) bootstrap: Bootstrap,
    /// The members that it sees.
    pub(super) members: Members,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bootstrap {
    /// Its phase.
    pub(super) phase: Phase,
    /// The same, as a sentence.
    pub(super) message: String,
    /// The rule that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Value>,
    /// The cluster that it joins or is a member of.
    #[serde(default)]
    pub(super) formation: Option<Formation>,
    /// How many must consent to a new cluster.
    pub(super) quorum: usize,
    /// How many have so far, while it asks them.
    pub(super) consents: Option<usize>,
    /// How the last lookup ended.
    pub(super) last_lookup: Option<LastLookup>,
    /// Where two clusters of one name were seen.
    pub(super) alarms: Vec<Alarm>,
}

/// The phase of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    Waiting,
    Founding,
    Joining,
    Member,
}

/// A cluster, as against another of the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Formation {
    /// When it was founded: milliseconds since 1970. The older one goes first.
    pub(super) founded_at: u64,
    /// Decided once.
    pub(super) id: String,
}

/// How a lookup ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LastLookup {
    /// `complete`, `partial` or `failed`.
    pub(super) completeness: String,
    /// Why it is not complete.
    pub(super) reasons: Vec<String>,
    /// How many it found.
    pub(super) targets: usize,
}

/// Two clusters of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alarm {
    /// The one that goes first.
    pub(super) older: Formation,
    /// The other.
    pub(super) younger: Formation,
}

/// The members that a node sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Members {
    /// The cluster that it is in.
    pub(super) cluster: Option<Formation>,
    /// All members, itself included.
    pub(super) members: Vec<Member>,
    /// Members that do not answer.
    pub(super) unreachable: Vec<Unreachable>,
    /// Whether it is on the smaller side of a split.
    pub(super) minority: Option<Minority>,
    /// Who leads.
    pub(super) leader: Option<String>,
    /// Who started first.
    pub(super) oldest: Option<String>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// Its address.
    pub(super) node: String,
    /// Usually `Up`.
    pub(super) status: String,
}

/// A member that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unreachable {
    /// Its address.
    pub(super) node: String,
}

/// A member reaches too few others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Minority {
    /// How many, itself included.
    pub(super) reachable: usize,
    /// How many would be a majority.
    pub(super) majority: usize,
}

impl Voice {
    /// Reads a node's two answers.
    ///
    /// # Errors
    ///
    /// If they are not those of a node.
    pub(super) fn read(bootstrap: &str, members: &str) -> serde_json::Result<Self> {
        Ok(Self {
            bootstrap: serde_json::from_str(bootstrap)?,
            members: serde_json::from_str(members)?,
        })
    }
}

impl Members {
    /// Whether a member is seen: none if it is not listed, otherwise whether it answers.
    #[must_use]
    pub(super) fn sees(&self, uri: &str) -> Option<bool> {
        let listed = self.members.iter().any(|member| member.node == uri);
        listed.then(|| !self.unreachable.iter().any(|lost| lost.node == uri))
    }
}
