//! The streams of management HTTP: TCP of the operating system, or of a simulation.
//!
//! Code above this module does not know which. There are two operations; more are not needed.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

pub use bootstrap::net::{Network, Tcp};

/// Accepts streams from peers.
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// After this long without data, the system asks whether the other side is still there (keepalive). Otherwise nobody
/// would notice a connection that ended with a firewall's timeout or a machine's crash.
const ASK_AFTER: Duration = Duration::from_secs(60);

/// How long it waits for each answer, and how many answers may be missing.
const ASK_EVERY: Duration = Duration::from_secs(10);
const ASK_TIMES: u32 = 6;

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = Self::accept(self).await?;
        stream.set_nodelay(true)?;
        sockopt::set_tcp_keepidle(&stream, ASK_AFTER)?;
        sockopt::set_tcp_keepintvl(&stream, ASK_EVERY)?;
        sockopt::set_tcp_keepcnt(&stream, ASK_TIMES)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        Ok((stream, from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_asks_whether_who_connected_is_still_there() {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = Tcp.connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = Listener::accept(&mut listener).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), ASK_AFTER);
    }
}
