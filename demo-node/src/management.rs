//! Management HTTP: what this node says of itself and its cluster.
//!
//! | path | method | answer |
//! |---|---|---|
//! | `/bootstrap/seed-nodes` | GET | this node, and members to join through once it is one |
//! | `/bootstrap` | GET | what the bootstrap has seen and what it waits for |
//! | `/bootstrap/founding` | POST | founding messages, sealed |
//! | `/cluster/members` | GET | the members as this node sees them |
//! | `/cluster/members` | POST | join through a member (form `address`) |
//! | `/cluster/members/{address}` | GET | one member |
//! | `/cluster/members/{address}` | DELETE, PUT (form `operation`) | leave, down |
//! | `/cluster/state` | GET | all that this node knows of the membership, sealed |
//! | `/cluster/domain-events` | GET | what happens in the cluster, as server-sent events |
//! | `/ready`, `/alive`, `/startup` | GET | 200 or 503, and why |
//! | `/metrics` | GET | Prometheus text |
//!
//! It reads what the stages publish; what it may write goes through their handles. People's writing
//! methods are refused unless `management.read-only` is off.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, RawQuery, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use crate::{
    bootstrap,
    bootstrap::wire::Sealer,
    cluster::{NodeAddress, NodeUid},
    membership::{self, Members},
};

mod contact;
mod events;
mod health;
mod members;
mod metrics;
mod serve;

pub use members::STATE_PATH;
pub use serve::{Limits, serve};

/// The largest request body. A sealed founding message takes about 250 bytes, a form less.
const LARGEST_BODY: usize = 16 * 1024;

/// How long a request may take to be read and answered, streams of events aside.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the handlers read and whom they ask.
#[derive(Debug, Clone)]
pub struct Sources {
    /// This node.
    pub node: NodeAddress,
    /// Its process.
    pub uid: NodeUid,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// The bootstrap.
    pub bootstrap: bootstrap::run::Handle,
    /// The membership.
    pub membership: membership::Handle,
    /// Seals founding messages.
    pub sealer: Sealer,
    /// Whether people may not write.
    pub read_only: bool,
    /// Milliseconds since 1970, now.
    pub unix_millis: fn() -> u64,
}

impl Sources {
    fn members(&self) -> Arc<Members> {
        self.membership.members().borrow().clone()
    }

    fn bootstrap_status(&self) -> watch::Receiver<Arc<bootstrap::status::Status>> {
        self.bootstrap.status()
    }
}

/// Every path.
pub fn router(sources: Sources) -> Router {
    let streams = Arc::new(Semaphore::new(events::MOST_STREAMS));
    let stream = async move |State(sources): State<Sources>, RawQuery(query): RawQuery| {
        events::stream(Arc::clone(&streams), sources, query).await
    };
    Router::new()
        .route(bootstrap::wire::SEED_NODES_PATH, get(contact::seed_nodes))
        .route("/bootstrap", get(contact::status))
        .route(bootstrap::wire::FOUNDING_PATH, post(contact::founding))
        .route("/cluster/members", get(members::all).post(members::join))
        .route(
            "/cluster/members/{*address}",
            get(members::one)
                .delete(members::leave)
                .put(members::change),
        )
        .route(STATE_PATH, get(members::state))
        .route("/cluster/domain-events", get(stream))
        .route("/ready", get(health::ready))
        .route("/alive", get(health::alive))
        .route("/startup", get(health::startup))
        .route("/metrics", get(metrics::metrics))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "no such path"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path does not take that method",
            )
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(within_patience))
        .with_state(sources)
}

/// An answer that says what is wrong.
#[derive(Debug, Serialize)]
struct Problem {
    #[serde(skip)]
    status: StatusCode,
    error: String,
}

impl Problem {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

async fn within_patience(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response()
        }
    }
}

#[cfg(test)]
mod tests;
