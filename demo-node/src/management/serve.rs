//! The listener's loop: bounded in connections, time and size, and ended gracefully.
//!
//! Who reads an answer too slowly is cut off like who sends a request too slowly.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::{error::Chain, net::Listener};

/// What connections may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once. Further ones wait in the operating system's queue.
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

/// Serves until stopped, then lets requests under way finish.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let slot = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_ended) = connections.join_next() => continue,
            slot = Arc::clone(&slots).acquire_owned() => slot.expect("the semaphore is never closed"),
        };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write));
        let service = TowerToHyperService::new(router.clone());
        let stop = stop.clone();
        connections.spawn(async move {
            let _slot = slot;
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
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::debug!("some connections were cut");
    }
}

async fn pause_after(error: &io::Error) {
    tracing::warn!(error = %Chain(error), "a connection could not be accepted");
    tokio::time::sleep(BREATH).await;
}
