//! The listener's loop: bounded in connections, time and size, and ended gracefully.
//!
//! Whoever sends a request or reads an answer too slowly is cut off. Where there are as many
//! connections as there may be, the oldest that has nothing under way makes room for the next:
//! however many are opened and left, those that ask are answered. Under way is a complete request
//! until there is an answer, and a stream until it ends; an answer that is merely being taken is not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

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

use super::Problem;
use crate::net::Listener;

mod host;
mod patience;
mod room;

/// What connections may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Streams of events at once: so few that they never take all of the connections.
    pub streams: usize,
    /// How long a request's header may take, from the connection or from its first byte.
    pub header: Duration,
    /// How long a connection may stay open without a request.
    pub idle: Duration,
    /// How long a client may take no bytes of an answer that is ready for it.
    pub write: Duration,
    /// How long connections may take to end when the node stops.
    pub drain: Duration,
}

/// The largest request header.
const LARGEST_HEADER: usize = 16 * 1024;

/// Descriptors for everything but connections to management HTTP: about 15 that the process always has,
/// and those of probes, of calls to AWS and of synchronisation.
const RESERVE: usize = 40;

/// What there is room for in any case. Should descriptors run out, connections give way.
const FEWEST_CONNECTIONS: usize = 8;

/// What a connection is about: an extension of each request.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Something is under way.
    under_way: AtomicBool,
    /// Something came after the last complete request.
    come: AtomicBool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            streams: 64,
            header: Duration::from_secs(5),
            // Load balancers of AWS keep a connection for 60 s, and others for 75.
            idle: Duration::from_secs(90),
            write: Duration::from_secs(10),
            drain: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// As many connections as fit into so many descriptors.
    #[must_use]
    pub fn within(descriptors: usize) -> Self {
        let most = Self::default();
        let connections = descriptors
            .saturating_sub(RESERVE)
            .clamp(FEWEST_CONNECTIONS, most.connections);
        Self {
            connections,
            streams: most.streams.min(connections / 2),
            ..most
        }
    }
}

impl Busy {
    /// Whether something is under way, from a complete request on.
    pub(super) fn set(&self, under_way: bool) {
        self.0.under_way.store(under_way, Ordering::Relaxed);
        if under_way {
            self.0.come.store(false, Ordering::Relaxed);
        }
    }

    fn is_set(&self) -> bool {
        self.0.under_way.load(Ordering::Relaxed)
    }

    fn comes(&self) {
        self.0.come.store(true, Ordering::Relaxed);
    }

    fn has_come(&self) -> bool {
        self.0.come.load(Ordering::Relaxed)
    }
}

/// Serves until stopped, then lets requests under way finish.
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

/// What is unclear may mean something else to whoever passed it on: nothing more is taken from there.
fn unclear(problem: &str) -> Response {
    let mut answer = Problem::new(StatusCode::BAD_REQUEST, problem).into_response();
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_to_everything_else() {
        for (descriptors, connections, streams) in [
            (0, 8, 4),
            (48, 8, 4),
            (64, 24, 12),
            (256, 216, 64),
            (1024, 512, 64),
            (usize::MAX, 512, 64),
        ] {
            let limits = Limits::within(descriptors);
            let got = (limits.connections, limits.streams);
            assert_eq!(got, (connections, streams), "{descriptors}");
        }
    }
}
