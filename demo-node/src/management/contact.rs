//! The paths for other nodes while a cluster forms, and for people about it; the bootstrap itself answers them.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{Method, Uri},
    response::Response,
};

use super::sources::Sources;

/// `GET /bootstrap/seed-nodes?challenge=…`, `GET /bootstrap` and `POST /bootstrap/founding`
pub(super) async fn answer(
    State(sources): State<Sources>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let answer = sources.bootstrap.answer(&method, &uri, &body).await;
    answer.map(Body::from)
}
