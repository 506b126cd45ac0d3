//! What a node needs from its machine: a socket, the time, and randomness.

use std::{future::Future, io, net::SocketAddr, time::Instant};

use rand::{
    RngExt as _, SeedableRng as _,
    rngs::{StdRng, SysRng},
};

use crate::{clock, seal::Nonce};

/// A socket that sends and receives datagrams.
///
/// The two real implementations are tokio's UDP socket and that of the network simulator.
pub trait Datagram: Send + Sync + 'static {
    /// Sends one datagram. It may not arrive.
    fn send_to(
        &self,
        datagram: &[u8],
        to: SocketAddr,
    ) -> impl Future<Output = io::Result<usize>> + Send;

    /// Waits for a datagram and copies as much of it as fits. Loses nothing when dropped.
    fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send;
}

/// What a node needs from its machine, apart from the socket and tokio's clock.
#[derive(Debug)]
pub struct Environment {
    /// Milliseconds since 1970, now.
    pub unix_millis: fn() -> u64,
    /// The source of random numbers.
    pub entropy: Entropy,
}

/// The source of random numbers.
#[derive(Debug)]
pub enum Entropy {
    /// The operating system.
    System,
    /// A seed, so that a simulation can be repeated. Never for a real cluster, since nonces would repeat, too.
    Seeded(Box<StdRng>),
}

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// By the monotonic clock, for timers.
    pub instant: Instant,
    /// By the wall clock, for the time in seals.
    pub unix_millis: u64,
}

impl Datagram for tokio::net::UdpSocket {
    fn send_to(
        &self,
        datagram: &[u8],
        to: SocketAddr,
    ) -> impl Future<Output = io::Result<usize>> + Send {
        self.send_to(datagram, to)
    }

    fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send {
        self.recv_from(buffer)
    }
}

impl Environment {
    /// The machine itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            unix_millis: clock::unix_millis,
            entropy: Entropy::System,
        }
    }

    /// A simulated machine: the same seed gives the same run.
    #[must_use]
    pub fn simulated(seed: u64, unix_millis: fn() -> u64) -> Self {
        Self {
            unix_millis,
            entropy: Entropy::seeded(seed),
        }
    }
}

impl Entropy {
    /// The numbers of a seed: always the same for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(StdRng::seed_from_u64(seed)))
    }

    pub(super) fn nonce(&mut self) -> Nonce {
        match self {
            Self::System => Nonce::random(),
            Self::Seeded(rng) => {
                let mut bytes = [0; 24];
                rng.fill(&mut bytes);
                Nonce(bytes)
            }
        }
    }

    /// A separate generator for something that needs no secrets.
    pub(super) fn fork(&mut self) -> StdRng {
        match self {
            Self::System => StdRng::try_from_rng(&mut SysRng)
                .expect("Linux gives random bytes once it has booted, and no node starts before"),
            Self::Seeded(rng) => StdRng::from_rng(rng.as_mut()),
        }
    }
}
