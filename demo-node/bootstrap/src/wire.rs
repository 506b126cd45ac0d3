//! What contact points tell each other over management HTTP.
//!
//! `GET /bootstrap/seed-nodes` is plain JSON with the names of Apache Pekko's cluster bootstrap, and a few fields of
//! our own. Anyone could send that, so no node acts on it: if the question has a challenge, the answer contains the
//! same again, sealed, and only that counts. The messages of founding are sealed, too.
//!
//! A sealed answer repeats the challenge of its question, and a founding message names the process that it is for. So
//! recorded messages are of no use later.

use std::{collections::BTreeSet, net::SocketAddr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    ContactPoint,
    clocks::Skew,
    founding::{Reply, Request},
    state::{Answer, KnownCluster},
};
use crate::{
    cluster::{ClusterId, ClusterName, Formation, NodeAddress, NodeUid},
    seal::{Keyring, Nonce, Opened, Purpose, Scope, Unopened},
};

/// The path of [`SeedNodes`].
pub const SEED_NODES_PATH: &str = "/bootstrap/seed-nodes";

/// The path of founding messages.
pub const FOUNDING_PATH: &str = "/bootstrap/founding";

/// The path of the [`Status`](crate::status::Status), for people.
pub const STATUS_PATH: &str = "/bootstrap";

/// The largest request body that a server must accept. A sealed founding message has about 250 bytes.
pub const LARGEST_REQUEST: usize = 16 * 1024;

/// The largest answer to a probe or founding message that is read: several times the size of one with five members.
/// Anyone may send it.
pub const LARGEST_ANSWER: usize = 16 * 1024;

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
    /// Members of that cluster, itself among them; empty before it is a member.
    pub seed_nodes: Vec<SeedNode>,
    /// The number of expected nodes that it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_nodes: Option<usize>,
    /// The same, sealed for the node that asked with a challenge: hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// A member to join through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeedNode {
    /// Where it gossips.
    pub node: NodeAddress,
    /// Its process.
    pub node_uid: NodeUid,
    /// Its status, usually `Up`.
    pub status: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
}

/// A question to a contact point: which cluster are you in?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The contact point that is asked.
    pub contact_point: ContactPoint,
    /// What the proof must repeat.
    pub challenge: Challenge,
    /// When it was asked, by this node's clock: milliseconds since 1970.
    pub asked_at: u64,
}

/// Identifies a probe. Random for each, so that no earlier answer fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(Nonce);

/// Why a text is not a [`Challenge`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a challenge: expected 48 hexadecimal digits")]
pub struct InvalidChallenge(String);

/// Why an answer does not count.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// Not the JSON of a contact point.
    #[error("the answer is not a contact point's")]
    NotSeedNodes(#[source] serde_json::Error),
    /// A contact point with another cluster name.
    #[error("it belongs to the cluster `{theirs}`, this node to `{ours}`")]
    OtherName {
        /// Its cluster's name.
        theirs: String,
        /// Ours.
        ours: String,
    },
    /// It says which process it is, but proves nothing.
    #[error("it does not prove that it has the cluster's key{}", claim(*.cluster))]
    NoProof {
        /// The cluster that it says it is in.
        cluster: Option<ClusterId>,
    },
    /// Its proof is not valid. Usually it has another key.
    #[error("it does not have the cluster's key{}", claim(*.cluster))]
    Unproven {
        /// The cluster that it says it is in.
        cluster: Option<ClusterId>,
        /// What is wrong with its proof.
        #[source]
        error: NotOpened,
    },
    /// The proof is valid, but for another question.
    #[error("its proof is for another question")]
    OtherQuestion,
}

fn claim(cluster: Option<ClusterId>) -> String {
    cluster.map_or_else(String::new, |id| {
        format!(", and says that it is in the cluster {id}")
    })
}

/// What a contact point says inside the seal.
#[derive(Debug, Serialize, Deserialize)]
struct Proof {
    challenge: Challenge,
    uid: NodeUid,
    contact_point: ContactPoint,
    cluster: Option<KnownCluster>,
    expected: Option<usize>,
}

/// From a proposer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundingRequest {
    /// The process that it is for. Another process at its address has promised nothing.
    pub to: NodeUid,
    /// What is asked.
    pub message: Request,
}

/// From an acceptor.
#[derive(Debug, Serialize, Deserialize)]
struct FoundingReply {
    /// The nonce that the request was sealed with.
    question: Nonce,
    message: Reply,
}

/// Seals and opens the messages over management HTTP while a cluster forms.
#[derive(Debug, Clone)]
pub struct Sealer {
    /// The cluster's keys.
    pub keyring: Keyring,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The source of the time and the nonces.
    pub fresh: fn() -> (u64, Nonce),
}

/// Why a sealed message could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// It is not sealed with this cluster's key, or for another purpose.
    #[error("open a sealed message")]
    Sealed(#[source] Unopened),
    /// It opened, but made no sense: a node with another version sent it.
    #[error("read a sealed message")]
    Malformed(#[source] postcard::Error),
    /// It is the answer to another question.
    #[error("match an answer to its question")]
    OtherQuestion,
}

// === impl Rejected ===

impl Rejected {
    /// The cluster that is claimed without a proof.
    #[must_use]
    pub fn claims_cluster(&self) -> Option<ClusterId> {
        match self {
            Self::Unproven { cluster, .. } | Self::NoProof { cluster } => *cluster,
            Self::NotSeedNodes(_) | Self::OtherName { .. } | Self::OtherQuestion => None,
        }
    }
}

// === impl Probe ===

impl Probe {
    /// What to ask for.
    #[must_use]
    pub fn path(&self) -> String {
        let digits = hex::encode(self.challenge.0.0);
        format!("{SEED_NODES_PATH}?challenge={digits}")
    }

    /// Reads the answer. The node may say that it answers at another address, since a node may be listed with several
    /// addresses.
    ///
    /// # Errors
    ///
    /// When it is not a contact point's answer, has another cluster name, or has no valid proof.
    pub fn read(&self, body: &[u8], sealer: &Sealer) -> Result<Answer, Rejected> {
        let said: SeedNodes = serde_json::from_slice(body).map_err(Rejected::NotSeedNodes)?;
        if said.self_node.cluster != sealer.cluster {
            return Err(Rejected::OtherName {
                theirs: said.self_node.cluster.to_string(),
                ours: sealer.cluster.to_string(),
            });
        }
        let cluster = said.cluster.map(|formation| formation.id);
        let sealed = said.proof.and_then(|proof| hex::decode(proof).ok());
        let sealed = sealed.ok_or(Rejected::NoProof { cluster })?;
        let (sealed, proof): (_, Proof) = sealer
            .open(Purpose::Contact, &sealed)
            .map_err(|error| Rejected::Unproven { cluster, error })?;
        if proof.challenge != self.challenge {
            return Err(Rejected::OtherQuestion);
        }
        Ok(Answer {
            uid: proof.uid,
            contact_point: proof.contact_point,
            cluster: proof.cluster,
            expected: proof.expected,
            skew: Skew::of(sealed.stamp, self.asked_at, (sealer.fresh)().0),
        })
    }
}

// === impl Challenge ===

impl std::str::FromStr for Challenge {
    type Err = InvalidChallenge;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut nonce = Nonce([0; 24]);
        match hex::decode_to_slice(text, &mut nonce.0) {
            Ok(()) => Ok(Self(nonce)),
            Err(_) => Err(InvalidChallenge(text.to_owned())),
        }
    }
}

// === impl SeedNodes ===

impl SeedNodes {
    /// Adds the proof that the node at `contact_point` has the cluster's key.
    #[must_use]
    pub fn proven(
        self,
        contact_point: ContactPoint,
        challenge: Challenge,
        sealer: &Sealer,
    ) -> Self {
        let proof = Proof {
            challenge,
            uid: self.self_uid,
            contact_point,
            cluster: self.known_cluster(),
            expected: self.expected_nodes,
        };
        let (_, sealed) = sealer.seal(Purpose::Contact, &proof);
        Self {
            proof: Some(hex::encode(sealed)),
            ..self
        }
    }

    fn known_cluster(&self) -> Option<KnownCluster> {
        let seeds: BTreeSet<SocketAddr> = self
            .seed_nodes
            .iter()
            .map(|seed| seed.node.socket)
            .collect();
        self.cluster
            .filter(|_| !seeds.is_empty())
            .map(|formation| KnownCluster { formation, seeds })
    }
}

// === impl Sealer ===

impl Sealer {
    /// A new question to a contact point.
    #[must_use]
    pub fn probe(&self, contact_point: ContactPoint) -> Probe {
        let (asked_at, nonce) = (self.fresh)();
        Probe {
            contact_point,
            challenge: Challenge(nonce),
            asked_at,
        }
    }

    /// Seals a founding message. The first value is what its reply must repeat.
    #[must_use]
    pub fn request(&self, request: &FoundingRequest) -> (Nonce, Vec<u8>) {
        self.seal(Purpose::FoundingRequest, request)
    }

    /// Opens a founding message.
    ///
    /// A repeated or late message is not refused, since founding tolerates both.
    ///
    /// # Errors
    ///
    /// When it was not sealed with this cluster's key.
    pub fn requested(&self, sealed: &[u8]) -> Result<(Nonce, FoundingRequest), NotOpened> {
        let (sealed, request) = self.open(Purpose::FoundingRequest, sealed)?;
        Ok((sealed.nonce, request))
    }

    /// Seals the reply to a founding message.
    #[must_use]
    pub fn reply(&self, question: Nonce, message: Reply) -> Vec<u8> {
        let reply = FoundingReply { question, message };
        self.seal(Purpose::FoundingReply, &reply).1
    }

    /// Opens the reply to a founding message.
    ///
    /// # Errors
    ///
    /// When it was not sealed with this cluster's key, or for another question.
    pub fn replied(&self, question: Nonce, sealed: &[u8]) -> Result<Reply, NotOpened> {
        let (_, reply): (_, FoundingReply) = self.open(Purpose::FoundingReply, sealed)?;
        if reply.question == question {
            Ok(reply.message)
        } else {
            Err(NotOpened::OtherQuestion)
        }
    }

    fn seal(&self, purpose: Purpose, message: &impl Serialize) -> (Nonce, Vec<u8>) {
        let message = postcard::to_allocvec(message).expect("these messages are plain data");
        let (now, nonce) = (self.fresh)();
        let sealed = self.keyring.seal(self.scope(purpose), &message, now, nonce);
        (nonce, sealed)
    }

    fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<(Opened, T), NotOpened> {
        // None of these purposes expires, so it does not matter when it is opened.
        let opened = self
            .keyring
            .open(self.scope(purpose), sealed, 0)
            .map_err(NotOpened::Sealed)?;
        let message = postcard::from_bytes(&opened.message).map_err(NotOpened::Malformed)?;
        Ok((opened, message))
    }

    fn scope(&self, purpose: Purpose) -> Scope<'_> {
        Scope {
            purpose,
            cluster: &self.cluster,
            id: None,
        }
    }
}

#[cfg(test)]
mod tests;
