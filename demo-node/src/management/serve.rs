//! The listener's loop: bounded in connections, time and size, and ended gracefully.
//!
//! Whoever sends a request or reads an answer too slowly is cut off. Where there are as many
//! connections as there may be, the oldest that has nothing under way makes room for the next:
//! however many are opened and left, those that ask are answered. Under way is a complete request
//! until there is an answer, and a stream until it ends; an answer that is merely being taken is not.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::{AbortHandle, JoinSet};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::net::Listener;
use discovery::Chain;

/// What connections may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long a request's header may take, from the moment it is waited for.
    pub header: Duration,
    /// How long a client may take no bytes of an answer that is ready for it.
    pub write: Duration,
    /// How long connections may take to end when the node stops.
    pub drain: Duration,
}

/// The largest request header.
const LARGEST_HEADER: usize = 16 * 1024;

/// After a failure to accept, mostly for want of file descriptors, to let connections end.
const BREATH: Duration = Duration::from_millis(100);

/// Where all connections have something under way: how soon to look again for one that has not.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Whether a connection has something under way: an extension of each request.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<AtomicBool>);

/// A connection that was accepted.
struct Open {
    task: AbortHandle,
    busy: Busy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            header: Duration::from_secs(5),
            write: Duration::from_secs(10),
            drain: Duration::from_secs(1),
        }
    }
}

impl Busy {
    pub(super) fn set(&self, busy: bool) {
        self.0.store(busy, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
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
    let mut open = VecDeque::new();
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
                pause_after(&error).await;
                continue;
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = make_room(&mut open, limits.connections) => {}
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write));
        let busy = Busy::default();
        let (router, flag, stop) = (router.clone(), busy.clone(), stop.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(flag.clone());
            router.clone().oneshot(request.map(Body::new))
        });
        let task = connections.spawn(async move {
            let mut connection = std::pin::pin!(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.header)
                    .max_buf_size(LARGEST_HEADER)
                    .serve_connection(TokioIo::new(Box::pin(stream)), service)
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
        open.push_back(Open { task, busy });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::debug!("some connections were cut");
    }
}

/// Waits until there is room for one more connection, and ends the oldest with nothing under way.
async fn make_room(open: &mut VecDeque<Open>, limit: usize) {
    open.retain(|connection| !connection.task.is_finished());
    while limit <= open.len() {
        match open.iter().position(|connection| !connection.busy.is_set()) {
            Some(idle) => {
                if let Some(idle) = open.remove(idle) {
                    tracing::debug!("a connection made room for another");
                    idle.task.abort();
                }
            }
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
        open.retain(|connection| !connection.task.is_finished());
    }
}

async fn pause_after(error: &io::Error) {
    tracing::warn!(error = %Chain(error), "a connection could not be accepted");
    tokio::time::sleep(BREATH).await;
}
