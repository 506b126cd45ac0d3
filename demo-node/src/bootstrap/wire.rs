//! What contact points tell each other over management HTTP.
//!
//! `GET /bootstrap/seed-nodes` is plain JSON with the names that Apache Pekko's cluster bootstrap
//! uses, and a few fields of our own. The messages of founding are sealed: only who has the
//! cluster's key takes part.

use std::{collections::BTreeSet, net::SocketAddr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    coordinator::Answer,
    founding::{Reply, Request},
    state::KnownCluster,
};
use crate::{
    cluster::{ClusterName, Formation, NodeAddress, NodeUid},
    seal::{Keyring, Nonce, Purpose, Scope, Unopened},
};

/// The path of [`SeedNodes`].
pub const SEED_NODES_PATH: &str = "/bootstrap/seed-nodes";

/// The path of founding messages.
pub const FOUNDING_PATH: &str = "/bootstrap/founding";

/// The most members that one answer names.
pub const MOST_SEED_NODES: usize = 5;

/// The answer of a contact point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeedNodes {
    /// The node that answers.
    pub self_node: NodeAddress,
    /// Its process.
    pub self_uid: NodeUid,
    /// The cluster it is a member of.
    pub cluster: Option<Formation>,
    /// Members of that cluster, itself among them; none before it is a member.
    pub seed_nodes: Vec<SeedNode>,
}

/// A member to join through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeedNode {
    /// Where it gossips.
    pub node: NodeAddress,
    /// Its process.
    pub node_uid: NodeUid,
    /// Its status, `Up` as a rule.
    pub status: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
}

/// Why an answer does not count.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// Not the JSON of a contact point.
    #[error("the answer is not that of a contact point")]
    NotSeedNodes(#[source] serde_json::Error),
    /// A contact point of another cluster name.
    #[error("it belongs to `{theirs}`, this node to `{ours}`")]
    OtherName {
        /// Its cluster's name.
        theirs: String,
        /// Ours.
        ours: String,
    },
}

/// Reads the answer of a contact point.
///
/// # Errors
///
/// When it is not one, or belongs to a cluster of another name.
pub fn read_seed_nodes(body: &[u8], ours: &NodeAddress) -> Result<Answer, Rejected> {
    let answer: SeedNodes = serde_json::from_slice(body).map_err(Rejected::NotSeedNodes)?;
    let names = std::iter::once(&answer.self_node)
        .chain(answer.seed_nodes.iter().map(|seed| &seed.node))
        .map(|node| &node.cluster);
    for name in names {
        if *name != ours.cluster {
            return Err(Rejected::OtherName {
                theirs: name.to_string(),
                ours: ours.cluster.to_string(),
            });
        }
    }
    let seeds: BTreeSet<SocketAddr> = answer
        .seed_nodes
        .iter()
        .map(|seed| seed.node.socket)
        .collect();
    let cluster = answer
        .cluster
        .filter(|_| !seeds.is_empty())
        .map(|formation| KnownCluster { formation, seeds });
    Ok(Answer {
        uid: answer.self_uid,
        cluster,
    })
}

/// A founding message and who sends it, as it stands inside the seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    /// The sender's process.
    pub from: NodeUid,
    /// The message.
    pub message: T,
}

/// From a proposer.
pub type FoundingRequest = Signed<Request>;

/// From an acceptor.
pub type FoundingReply = Signed<Reply>;

/// Seals and opens founding messages.
#[derive(Debug, Clone)]
pub struct Sealer {
    /// The cluster's keys.
    pub keyring: Keyring,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// Where the time and the nonces come from.
    pub fresh: fn() -> (u64, Nonce),
}

/// Why a sealed message could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// It is not sealed with this cluster's key, for this purpose, now.
    #[error("open a founding message")]
    Sealed(#[source] Unopened),
    /// It opened, and made no sense: a member of another version sent it.
    #[error("read a founding message")]
    Malformed(#[source] postcard::Error),
}

impl Sealer {
    /// Seals a message.
    pub fn seal<T: Serialize>(&self, message: &T) -> Vec<u8> {
        let message = postcard::to_allocvec(message).expect("founding messages are plain data");
        let (now, nonce) = (self.fresh)();
        self.keyring.seal(self.scope(), &message, now, nonce)
    }

    /// Opens a message.
    ///
    /// A replayed one is not refused: founding tolerates repetition.
    ///
    /// # Errors
    ///
    /// When it was not sealed with this cluster's key.
    pub fn open<T: DeserializeOwned>(&self, sealed: &[u8]) -> Result<T, NotOpened> {
        let (now, _) = (self.fresh)();
        let opened = self
            .keyring
            .open(self.scope(), sealed, now)
            .map_err(NotOpened::Sealed)?;
        postcard::from_bytes(&opened.message).map_err(NotOpened::Malformed)
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            purpose: Purpose::Founding,
            cluster: &self.cluster,
            id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> NodeAddress {
        "cluster://orders@10.0.0.1:7355".parse().unwrap()
    }

    const MEMBER: &str = r#"{
        "selfNode": "cluster://orders@10.0.0.2:7355", "selfUid": 2,
        "cluster": {"id": "0000000000000000000000000000002a", "foundedAt": 7},
        "seedNodes": [{"node": "cluster://orders@10.0.0.3:7355", "nodeUid": 3, "status": "Up", "roles": ["api"]}]
    }"#;

    #[test]
    fn a_members_answer_names_its_cluster_and_whom_to_join() {
        let answer = read_seed_nodes(MEMBER.as_bytes(), &ours()).unwrap();
        let cluster = answer.cluster.unwrap();
        assert_eq!(cluster.formation.founded_at, 7);
        assert_eq!(
            cluster.seeds,
            BTreeSet::from(["10.0.0.3:7355".parse().unwrap()])
        );
    }

    #[test]
    fn a_node_that_is_no_member_yet_names_no_cluster() {
        let json = r#"{"selfNode": "cluster://orders@10.0.0.2:7355", "selfUid": 2, "cluster": null, "seedNodes": []}"#;
        let answer = read_seed_nodes(json.as_bytes(), &ours()).unwrap();
        assert_eq!(
            answer,
            Answer {
                uid: NodeUid(2),
                cluster: None
            }
        );
    }

    #[test]
    fn a_node_of_another_cluster_name_is_no_contact_point() {
        for json in [
            MEMBER.replace("orders@10.0.0.2", "billing@10.0.0.2"),
            MEMBER.replace("orders@10.0.0.3", "billing@10.0.0.3"),
        ] {
            let error = read_seed_nodes(json.as_bytes(), &ours()).unwrap_err();
            assert!(matches!(error, Rejected::OtherName { .. }), "{error}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for body in ["", "{}", "<html>", "[]", r#"{"selfNode": 7}"#] {
            let error = read_seed_nodes(body.as_bytes(), &ours()).unwrap_err();
            assert!(
                matches!(error, Rejected::NotSeedNodes(_)),
                "{body}: {error}"
            );
        }
    }
}
