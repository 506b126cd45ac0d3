//! An attacker at an address that discovery lists, without the cluster's key.
//!
//! It tells every node that it is a member of an older cluster with the same name, and that every proposal was
//! decided long ago. It forges what it can; it knows only what is sent unencrypted.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    routing::{get, post},
};
use demo_node::{
    bootstrap::{
        ContactPoint,
        founding::{Decided, Reply, Request},
        wire::{
            Challenge, FOUNDING_PATH, FoundingRequest, SEED_NODES_PATH, Sealer, SeedNode, SeedNodes,
        },
    },
    cluster::{ClusterId, Formation, NodeAddress, NodeUid},
    seal::Nonce,
};
use serde::Deserialize;

/// The node that it claims to be.
const UID: NodeUid = NodeUid(0x0bad);

/// The cluster that it claims to be in: older than any other.
pub const FORMATION: Formation = Formation {
    id: ClusterId(0x0bad),
    founded_at: 1,
};

/// The attacker.
#[derive(Debug, Clone)]
pub struct Stranger {
    node: NodeAddress,
    contact_point: ContactPoint,
    sealer: Sealer,
}

/// The query of a probe.
#[derive(Debug, Deserialize)]
struct Probe {
    challenge: Option<String>,
}

impl Stranger {
    /// One at this address, with these ports, which seals with its own key.
    #[must_use]
    pub fn new(address: IpAddr, management: u16, gossip: u16, sealer: Sealer) -> Self {
        Self {
            node: NodeAddress {
                cluster: sealer.cluster.clone(),
                socket: SocketAddr::new(address, gossip),
            },
            contact_point: ContactPoint(SocketAddr::new(address, management)),
            sealer,
        }
    }

    /// Its answers.
    pub fn router(self) -> Router {
        Router::new()
            .route(SEED_NODES_PATH, get(seed_nodes))
            .route(FOUNDING_PATH, post(founding))
            .with_state(self)
    }

    /// Its founding message for this process: the older cluster was decided on.
    #[must_use]
    pub fn founding_message(&self, to: NodeUid) -> Vec<u8> {
        let message = Request::Decided(self.decided());
        self.sealer.request(&FoundingRequest { to, message }).1
    }

    fn decided(&self) -> Decided {
        Decided {
            formation: FORMATION,
            seed: self.node.socket,
        }
    }

    fn seed_nodes(&self, challenge: Option<Challenge>) -> SeedNodes {
        let said = SeedNodes {
            self_node: self.node.clone(),
            self_uid: UID,
            cluster: Some(FORMATION),
            seed_nodes: vec![SeedNode {
                node: self.node.clone(),
                node_uid: UID,
                status: "Up".to_owned(),
                roles: BTreeSet::new(),
            }],
            expected_nodes: None,
            proof: None,
        };
        match challenge {
            Some(challenge) => said.proven(self.contact_point, challenge, &self.sealer),
            None => said,
        }
    }

    /// The reply to a sealed message. The part that it must repeat is not encrypted.
    fn reply(&self, sealed: &[u8]) -> Vec<u8> {
        let question = sealed.get(21..45).and_then(|nonce| nonce.try_into().ok());
        let question = Nonce(question.unwrap_or([0; 24]));
        self.sealer.reply(question, Reply::Known(self.decided()))
    }
}

async fn seed_nodes(
    State(stranger): State<Stranger>,
    Query(Probe { challenge }): Query<Probe>,
) -> Json<SeedNodes> {
    Json(stranger.seed_nodes(challenge.and_then(|digits| digits.parse().ok())))
}

async fn founding(State(stranger): State<Stranger>, sealed: Bytes) -> Vec<u8> {
    stranger.reply(&sealed)
}
