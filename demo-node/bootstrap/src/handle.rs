//! Answers other nodes, and says what the bootstrap sees.
//!
//! [`Handle::answer`] does all of it over HTTP, for any HTTP server of the service.

use std::sync::Arc;

use discovery::Chain;
use hyper::{Method, Response, StatusCode, Uri, header};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    cluster::{Formation, NodeAddress},
    founding::{Reply, Request},
    process::Process,
    standing::{Seed, Standing},
    status::Status,
    wire::{
        Challenge, FOUNDING_PATH, InvalidChallenge, MOST_SEED_NODES, NotOpened, SEED_NODES_PATH,
        STATUS_PATH, Sealer, SeedNode, SeedNodes,
    },
};

/// A founding message that waits for a turn of the loop.
pub(crate) type Asked = (Request, oneshot::Sender<Reply>);

/// Asks the bootstrap's loop. Clones ask the same one.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) me: Process,
    pub(crate) sealer: Sealer,
    pub(crate) standing: watch::Receiver<Standing>,
    pub(crate) inbox: mpsc::Sender<Asked>,
    pub(crate) status: watch::Receiver<Arc<Status>>,
}

/// Why a founding message is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is not from a node with the cluster's key.
    #[error(transparent)]
    Sealed(NotOpened),
    /// It is for an earlier process at this address.
    #[error("this founding message is for an earlier process at this address")]
    OtherProcess,
    /// The loop no longer runs.
    #[error("the bootstrap has ended")]
    Ended,
}

// === impl Handle ===

impl Handle {
    /// What the bootstrap has seen and what it waits for.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.status.clone()
    }

    /// Answers `GET /bootstrap/seed-nodes`, `POST /bootstrap/founding` and `GET /bootstrap`; other paths with 404,
    /// other methods with 405. A refusal is JSON with the member `error`.
    ///
    /// The first two are for other nodes, and must be served at the contact point that discovery gives. No valid body
    /// is larger than [`LARGEST_REQUEST`](crate::wire::LARGEST_REQUEST).
    pub async fn answer(&self, method: &Method, uri: &Uri, body: &[u8]) -> Response<Vec<u8>> {
        match (method.as_str(), uri.path()) {
            ("GET" | "HEAD", SEED_NODES_PATH) => match challenge(uri.query()) {
                Ok(challenge) => json(StatusCode::OK, &self.seed_nodes(challenge)),
                Err(error) => refusal(StatusCode::BAD_REQUEST, &error),
            },
            ("GET" | "HEAD", STATUS_PATH) => {
                let status = Arc::clone(&self.status.borrow());
                json(StatusCode::OK, status.as_ref())
            }
            ("POST", FOUNDING_PATH) => match self.founding(body).await {
                Ok(sealed) => response(StatusCode::OK, "application/octet-stream", sealed),
                Err(refused) => refusal(refused.status(), &refused),
            },
            (_, SEED_NODES_PATH | STATUS_PATH | FOUNDING_PATH) => {
                refusal(StatusCode::METHOD_NOT_ALLOWED, &BadRequest::Method)
            }
            _ => refusal(StatusCode::NOT_FOUND, &BadRequest::Path),
        }
    }

    /// Which process this node is, and through which members one joins its cluster; with a proof if the question has
    /// a challenge.
    #[must_use]
    pub fn seed_nodes(&self, challenge: Option<Challenge>) -> SeedNodes {
        let (cluster, seeds) = match &*self.standing.borrow() {
            Standing::Outside => (None, Vec::new()),
            Standing::Member {
                formation, seeds, ..
            } => self.offer(*formation, seeds),
        };
        let said = SeedNodes {
            self_node: NodeAddress {
                cluster: self.sealer.cluster.clone(),
                socket: self.me.gossip,
            },
            self_uid: self.me.uid,
            cluster,
            seed_nodes: seeds,
            expected_nodes: self.status.borrow().told_to_expect,
            proof: None,
        };
        match challenge {
            Some(challenge) => said.proven(self.me.contact_point, challenge, &self.sealer),
            None => said,
        }
    }

    fn offer(&self, formation: Formation, seeds: &[Seed]) -> (Option<Formation>, Vec<SeedNode>) {
        let cluster = &self.sealer.cluster;
        let named = seeds.iter().take(MOST_SEED_NODES);
        let nodes: Vec<_> = named
            .map(|seed| SeedNode {
                node: NodeAddress {
                    cluster: cluster.clone(),
                    socket: seed.gossip,
                },
                node_uid: seed.uid,
                status: seed.status.clone(),
                roles: seed.roles.clone(),
            })
            .collect();
        (Some(formation).filter(|_| !nodes.is_empty()), nodes)
    }

    /// Answers another node's sealed founding message.
    ///
    /// # Errors
    ///
    /// When it is sealed with another key or is for another process, or when the loop has ended.
    pub async fn founding(&self, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        let (question, request) = match self.sealer.requested(sealed) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "refused a founding message");
                return Err(Refused::Sealed(error));
            }
        };
        if request.to != self.me.uid {
            return Err(Refused::OtherProcess);
        }
        let (reply, answer) = oneshot::channel();
        if self.inbox.send((request.message, reply)).await.is_err() {
            return Err(Refused::Ended);
        }
        match answer.await {
            Ok(message) => Ok(self.sealer.reply(question, message)),
            Err(_gone) => Err(Refused::Ended),
        }
    }
}

// === impl Refused ===

impl Refused {
    /// As an HTTP response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Sealed(_) => StatusCode::FORBIDDEN,
            Self::OtherProcess => StatusCode::MISDIRECTED_REQUEST,
            Self::Ended => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
enum BadRequest {
    #[error("no such path")]
    Path,
    #[error("this path does not allow that method")]
    Method,
    #[error(transparent)]
    Challenge(#[from] InvalidChallenge),
    #[error("duplicate field `challenge`")]
    Challenges,
}

/// The challenge of a probe. Without one, for example from a person, the answer has no proof.
fn challenge(query: Option<&str>) -> Result<Option<Challenge>, BadRequest> {
    // Digits need no escapes.
    let mut challenges = query
        .unwrap_or_default()
        .split('&')
        .filter_map(|field| field.strip_prefix("challenge="));
    match (challenges.next(), challenges.next()) {
        (None, _) => Ok(None),
        (Some(challenge), None) => Ok(Some(challenge.parse()?)),
        (Some(_), Some(_)) => Err(BadRequest::Challenges),
    }
}

#[derive(Serialize)]
struct Problem {
    error: String,
}

fn refusal(status: StatusCode, error: &dyn std::error::Error) -> Response<Vec<u8>> {
    let error = Chain(error).to_string();
    json(status, &Problem { error })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Vec<u8>> {
    let body = serde_json::to_vec(value).expect("these are plain data with text for keys");
    response(status, "application/json", body)
}

fn response(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let media_type = header::HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests;
