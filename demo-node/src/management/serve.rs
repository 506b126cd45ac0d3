//! The listener's loop: limited in connections, time and size, with a graceful end.
//!
//! A client that sends a request or reads an answer too slowly is cut off. When all connections are used, the oldest
//! that is not busy is closed for the next one: so however many idle connections are open, new requests are answered.
//! A connection is busy from a complete request until its response starts; a stream is busy until it ends.

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use discovery::Chain;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::problem::Problem;
use crate::net::Listener;

mod busy;
mod host;
mod limits;
mod patience;
mod room;

pub(super) use busy::Busy;
pub use limits::Limits;

/// The largest request header.
const LARGEST_HEADER: usize = 16 * 1024;

/// Serves until stopped, then lets running requests finish.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let mut room = room::Room::default();
    let mut refusals = room::Refusals::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                refusals.tell(&error);
                room.make_after(&error).await;
                continue;
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = room.make(limits.connections) => {}
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write));
        let busy = Busy::default();
        let stream = patience::Noting::new(Box::pin(stream), busy.clone());
        let timer = patience::Header::new(limits, busy.clone());
        let (router, flag, stop) = (router.clone(), busy.clone(), stop.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(flag.clone());
            let router = router.clone();
            async move {
                match host::problem(&request) {
                    None => router.oneshot(request.map(Body::new)).await,
                    Some(problem) => Ok(unclear(problem)),
                }
            }
        });
        let task = connections.spawn(async move {
            let mut connection = std::pin::pin!(
                http1::Builder::new()
                    .timer(timer)
                    .header_read_timeout(limits.header)
                    .max_buf_size(LARGEST_HEADER)
                    .serve_connection(TokioIo::new(stream), service)
            );
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(peer = %from, error = %Chain(&error), "connection ended early");
            }
        });
        room.add(task, busy);
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::debug!("some connections were cut");
    }
}

/// A malformed request may mean something else to a proxy in front, so nothing more is read from that connection.
fn unclear(problem: &str) -> Response {
    let mut answer = Problem::new(StatusCode::BAD_REQUEST, problem).into_response();
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
    answer
}
