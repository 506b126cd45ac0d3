//! Whether the node is started, alive and ready: three questions with separate answers.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::sources::Sources;
use crate::membership::{OnMinority, Status};

/// `GET /alive`: the process runs its loop, otherwise it could not answer.
pub(super) async fn alive() -> Response {
    answer(true, "answering")
}

/// `GET /startup`: the first lookup has ended, or was not needed.
pub(super) async fn startup(State(sources): State<Sources>) -> Response {
    let status = sources.bootstrap_status().borrow().clone();
    let started = status.last_lookup.is_some() || sources.members().me.status == Status::Up;
    answer(started, &status.message)
}

/// `GET /ready`: the node is a member, and, if the settings require it, not on the smaller side of a split.
pub(super) async fn ready(State(sources): State<Sources>) -> Response {
    match sources.members().me.status {
        Status::Up if sources.on_minority != OnMinority::Report && sources.minority().is_some() => {
            answer(false, &sources.bootstrap_status().borrow().message)
        }
        Status::Up => answer(true, "member of the cluster"),
        Status::Joining => answer(false, &sources.bootstrap_status().borrow().message),
        Status::Leaving => answer(false, "leaving the cluster"),
        Status::Down | Status::Removed => answer(false, "has left the cluster"),
    }
}

fn answer(good: bool, message: &str) -> Response {
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({ "ok": good, "message": message }))).into_response()
}
