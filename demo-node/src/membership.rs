//! Who is in the cluster, by gossip.
//!
//! [`Gossip`] is the protocol: `foca`'s SWIM, sealed, with its timers; it does no IO, reads no
//! clock and is driven by calls. [`Driver`] is the task around it that owns the socket.
//! Everyone else holds a [`Handle`], and reads a [`Members`] value that changes.
//!
//! A node is in no cluster until it is told which one: it never founds or joins of its own accord.
//! Datagrams of any other cluster, of strangers, and from before that moment are dropped.

mod driver;
mod events;
mod gossip;
mod handle;
mod identity;
mod members;
#[cfg(test)]
mod testing;
mod timers;
mod traffic;

use std::{collections::BTreeSet, future::Future, io, net::SocketAddr, time::Duration};

use rand::{
    RngExt as _, SeedableRng as _,
    rngs::{StdRng, SysRng},
};

use crate::{
    clock,
    cluster::{ClusterName, NodeUid},
    seal::{Keyring, Nonce},
};

pub use driver::{Broken, Departure, Driver, new};
pub use events::{Event, events};
pub use gossip::{DATAGRAM_LIMIT, Gossip, Invalid, Now, STATE_LIMIT};
pub use handle::{Handle, MergeError, Refused};
pub use members::{Member, Members, Removal, Status};
pub use traffic::{Rejection, Traffic};

/// What a node is told about itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// Where the others send this node's datagrams.
    pub node: SocketAddr,
    /// Where the others reach its management endpoint.
    pub management: SocketAddr,
    /// Tells this life of the node from any other at its address.
    pub uid: NodeUid,
    /// When this life began: milliseconds since 1970.
    pub started_at: u64,
    /// What the node is for, in the operator's words.
    pub roles: BTreeSet<String>,
    /// The program's version.
    pub version: String,
    /// Its availability zone, where known.
    pub zone: Option<String>,
    /// What seals datagrams.
    pub keyring: Keyring,
    /// How fast to gossip and how patient to be.
    pub timing: Timing,
}

/// How fast to gossip and how patient to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How often each node probes one member. A dead one is noticed after one to three of these.
    pub probe_period: Duration,
    /// How long a probe waits for an answer before others are asked to try. Less than half the period.
    pub probe_rtt: Duration,
    /// How long an unreachable member may take to object before it is removed, in a cluster of up
    /// to ten; longer in larger ones, by the logarithm of their size.
    pub suspicion: Duration,
    /// How often news is passed on.
    pub gossip_period: Duration,
    /// How often one random member is asked whom it knows.
    pub announce_period: Duration,
    /// How often peers that went missing are tried again, by a node in a cluster of up to ten.
    pub knock_period: Duration,
    /// For how long a missing peer is tried, and a dead one remembered.
    pub memory: Duration,
    /// How long a leaving node is shown as leaving before it is gone.
    pub leave_notice: Duration,
}

/// A socket that sends and receives datagrams.
///
/// Its two real implementations are tokio's UDP socket and that of the network simulator.
pub trait Datagram: Send + Sync + 'static {
    /// Sends one datagram. Nothing promises that it arrives.
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

/// What a node takes from the machine it runs on, apart from the socket and tokio's clock.
#[derive(Debug)]
pub struct Environment {
    /// Milliseconds since 1970, now.
    pub unix_millis: fn() -> u64,
    /// Where random numbers come from.
    pub entropy: Entropy,
}

/// Where random numbers come from.
#[derive(Debug)]
pub enum Entropy {
    /// The operating system.
    System,
    /// A seed, so that a simulation repeats. Never for a real cluster: nonces would repeat too.
    Seeded(Box<StdRng>),
}

impl Timing {
    /// Meets what is promised for clusters of up to fifty nodes in one region:
    /// unreachable within 3 s, removed within 10 s, merged again within 10 s.
    #[must_use]
    pub fn lan() -> Self {
        Self {
            probe_period: Duration::from_millis(300),
            probe_rtt: Duration::from_millis(100),
            suspicion: Duration::from_secs(3),
            gossip_period: Duration::from_millis(100),
            announce_period: Duration::from_secs(10),
            knock_period: Duration::from_secs(2),
            memory: Duration::from_secs(3600),
            leave_notice: Duration::from_millis(200),
        }
    }
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
    /// A seed's numbers: the same for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(StdRng::seed_from_u64(seed)))
    }

    fn nonce(&mut self) -> Nonce {
        match self {
            Self::System => Nonce::random(),
            Self::Seeded(rng) => {
                let mut bytes = [0; 24];
                rng.fill(&mut bytes);
                Nonce(bytes)
            }
        }
    }

    /// A generator of its own for something that needs no secrets.
    fn fork(&mut self) -> StdRng {
        match self {
            Self::System => StdRng::try_from_rng(&mut SysRng)
                .expect("Linux gives random bytes once it has booted, and no node starts before"),
            Self::Seeded(rng) => StdRng::from_rng(rng.as_mut()),
        }
    }
}
