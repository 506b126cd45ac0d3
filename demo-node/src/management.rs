//! Management HTTP: what this node says about itself and its cluster.
//!
//! | path | method | answer |
//! |---|---|---|
//! | `/` | GET | a page for people, with its files at `/page/…`; not where `management.page` is off |
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
//! | `/metrics` | GET | OpenMetrics, or classic Prometheus text |
//!
//! It reads what the stages publish; what it may write goes through their handles. People's writing methods are
//! refused unless `management.read-only` is off.

use std::{error::Error as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody as _},
    extract::{RawQuery, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use discovery::Chain;
use http_body_util::LengthLimitError;
use tokio::sync::Semaphore;

use crate::bootstrap::wire::{FOUNDING_PATH, LARGEST_REQUEST, SEED_NODES_PATH, STATUS_PATH};

mod address;
mod browsers;
mod contact;
mod events;
mod health;
mod members;
mod metrics;
mod page;
mod problem;
mod serve;
mod settings;
mod sources;

pub use members::STATE_PATH;
pub use page::{FILES as PAGE_FILES, File as PageFile, routes as page_routes};
use problem::Problem;
use serve::Busy;
pub use serve::{Limits, serve};
pub use settings::Settings;
pub use sources::Sources;

/// The largest request body. A form is smaller than a sealed founding message.
const LARGEST_BODY: usize = LARGEST_REQUEST;

/// How long a request's body may take. All bodies are small.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// How long answering a complete request may take, except for streams of events.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every path.
pub fn router(sources: Sources) -> Router {
    let names = Arc::new(sources.host_names.clone());
    let streams = Arc::new(Semaphore::new(sources.streams));
    let stream = async move |State(sources): State<Sources>, RawQuery(query): RawQuery| {
        events::stream(Arc::clone(&streams), sources, query).await
    };
    let page = if sources.page {
        page::routes()
    } else {
        Router::new()
    };
    Router::new()
        .merge(page)
        .route(SEED_NODES_PATH, get(contact::answer))
        .route(STATUS_PATH, get(contact::answer))
        .route(FOUNDING_PATH, post(contact::answer))
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
                "this path does not allow that method",
            )
        })
        .layer(middleware::from_fn_with_state(names, browsers::guarded))
        .layer(middleware::map_response(browsers::plain))
        .layer(middleware::from_fn(bounded))
        .with_state(sources)
}

/// Reads the whole request, then gets its answer, both in limited time.
async fn bounded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let busy: Busy = parts.extensions.get().cloned().unwrap_or_default();
    let body = match tokio::time::timeout(BODY_PATIENCE, whole(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(problem)) => return problem.into_response(),
        Err(_elapsed) => return took_too_long(),
    };
    busy.set(true);
    let request = Request::from_parts(parts, body.into());
    let Ok(response) = tokio::time::timeout(PATIENCE, next.run(request)).await else {
        busy.set(false);
        return took_too_long();
    };
    // A stream continues.
    busy.set(response.body().size_hint().exact().is_none());
    response
}

async fn whole(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, LARGEST_BODY)
        .await
        .map_err(|error| {
            if matches!(error.source(), Some(source) if source.is::<LengthLimitError>()) {
                let most = format!("the body is larger than {LARGEST_BODY} bytes");
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, most)
            } else {
                Problem::new(StatusCode::BAD_REQUEST, Chain(&error).to_string())
            }
        })
}

fn took_too_long() -> Response {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response()
}

#[cfg(test)]
mod tests;
