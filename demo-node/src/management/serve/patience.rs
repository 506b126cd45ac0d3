//! How long to wait for a connection: long while it is idle, since load balancers and collectors keep their
//! connections, and short when a request has begun.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt;
use hyper_util::rt::TokioTimer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{busy::Busy, limits::Limits};

/// Times each request's header for hyper, which asks for a timer whenever it begins to wait for a header.
pub(super) struct Header {
    limits: Limits,
    busy: Busy,
    /// A new connection is expected to send a request at once.
    first: AtomicBool,
}

/// Waits for the end of one header.
struct Waiting {
    sleep: Pin<Box<Sleep>>,
    begun: bool,
    header: Duration,
    busy: Busy,
}

/// A connection that notes when data arrives.
pub(super) struct Noting<S> {
    stream: S,
    busy: Busy,
}

impl Header {
    pub(super) fn new(limits: Limits, busy: Busy) -> Self {
        let first = AtomicBool::new(true);
        Self {
            limits,
            busy,
            first,
        }
    }
}

impl rt::Timer for Header {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    /// The deadline is hyper's, which knows only one limit, but there are two here.
    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn rt::Sleep>> {
        let begun = self.first.swap(false, Ordering::Relaxed);
        let Limits { header, idle, .. } = self.limits;
        Box::pin(Waiting {
            sleep: Box::pin(sleep(if begun { header } else { idle })),
            begun,
            header,
            busy: self.busy.clone(),
        })
    }

    fn now(&self) -> Instant {
        TokioTimer::new().now()
    }
}

impl rt::Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.begun && self.busy.has_come() {
            let until = tokio::time::Instant::now() + self.header;
            self.begun = true;
            self.sleep.as_mut().reset(until);
        }
        self.sleep.as_mut().poll(context)
    }
}

impl<S> Noting<S> {
    pub(super) fn new(stream: S, busy: Busy) -> Self {
        Self { stream, busy }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if before < buffer.filled().len() {
            self.busy.comes();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noting<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
