//! What a simulated machine gives to its node: sockets, the time, and random numbers.

use std::{
    cell::Cell,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
};

use demo_node::{
    log::LinesLost,
    management::Limits,
    membership::{Datagram, Environment, Handle, Status},
    net::{Listener, Network},
    node::{Machine, Place},
    seal::Nonce,
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::mutation::Mutation;

/// Every node's gossip port.
pub(super) const GOSSIP: u16 = 7355;

/// Every node's management port.
pub(super) const MANAGEMENT: u16 = 7626;

thread_local! {
    /// The time that the wall clock shows while it is wrong.
    static STUCK_AT: Cell<Option<u64>> = const { Cell::new(None) };
    static NONCES: Cell<u64> = const { Cell::new(0) };
}

/// Simulated TCP, outgoing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams;

/// Simulated TCP, incoming.
pub(super) struct Incoming(turmoil::net::TcpListener);

/// Simulated UDP.
pub(super) struct Socket {
    socket: turmoil::net::UdpSocket,
    /// For a planted bug: the members, which are the only nodes that it may write to.
    limited_to: Option<Arc<OnceLock<Handle>>>,
}

/// Forgets an earlier simulation on this thread.
pub(super) fn reset() {
    STUCK_AT.set(None);
    NONCES.set(0);
}

/// Milliseconds since 1970, in virtual time.
pub(super) fn unix_millis() -> u64 {
    STUCK_AT.get().unwrap_or_else(|| {
        let since = turmoil::since_epoch().expect("only simulated machines have this clock");
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Does something while the wall clock shows this time, if one is given, instead of the right one.
pub(super) fn with_clock_stuck_at<T>(time: Option<u64>, act: impl FnOnce() -> T) -> T {
    STUCK_AT.set(time);
    let done = act();
    STUCK_AT.set(None);
    done
}

pub(super) fn fresh() -> (u64, Nonce) {
    let number = NONCES.get();
    NONCES.set(number + 1);
    let mut nonce = Nonce([0; 24]);
    nonce.0[..8].copy_from_slice(&number.to_be_bytes());
    (unix_millis(), nonce)
}

/// The machine at an address, for one life of its node. The second value receives the membership's handle, once there
/// is one.
pub(super) async fn machine(
    address: Ipv4Addr,
    seed: u64,
    mutation: Mutation,
) -> io::Result<(Machine<Streams, Incoming, Socket>, Arc<OnceLock<Handle>>)> {
    let listener = Incoming::bind().await?;
    let socket = turmoil::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, GOSSIP)).await?;
    let membership = Arc::new(OnceLock::new());
    let limited = mutation == Mutation::WritesToMembersOnly;
    let machine = Machine {
        network: Streams,
        listener,
        socket: Socket {
            socket,
            limited_to: limited.then(|| Arc::clone(&membership)),
        },
        place: Place {
            address: address.into(),
            zone: None,
        },
        rng: StdRng::seed_from_u64(seed),
        fresh,
        environment: Environment::simulated(!seed, unix_millis),
        lines_lost: LinesLost::default(),
        limits: Limits::default(),
    };
    Ok((machine, membership))
}

impl Incoming {
    /// Takes streams on the machine that this is called on.
    pub(super) async fn bind() -> io::Result<Self> {
        let at = (Ipv4Addr::UNSPECIFIED, MANAGEMENT);
        Ok(Self(turmoil::net::TcpListener::bind(at).await?))
    }
}

impl Network for Streams {
    type Stream = turmoil::net::TcpStream;

    async fn connect(&self, to: SocketAddr) -> io::Result<Self::Stream> {
        let began = Instant::now();
        match turmoil::net::TcpStream::connect(to).await {
            // The simulator refuses at once when it loses a connection. A real network that loses packets gives no
            // answer, and a machine that refuses takes a round trip to do so.
            Err(_) if began.elapsed().is_zero() => std::future::pending().await,
            connected => connected,
        }
    }
}

impl Listener for Incoming {
    type Stream = turmoil::net::TcpStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        self.0.accept().await
    }
}

impl Datagram for Socket {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        if let Some(membership) = self.limited_to.as_ref().and_then(|handle| handle.get()) {
            let members = membership.members();
            let members = members.borrow();
            if members.me.status == Status::Up && !members.members.contains_key(&to) {
                return Ok(datagram.len());
            }
        }
        self.socket.send_to(datagram, to).await
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(buffer).await
    }
}
