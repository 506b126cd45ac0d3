//! What the bootstrap needs from the machine: network, time and randomness.

use rand::{SeedableRng, rngs::StdRng};

use crate::{clock, net::Tcp, seal::Nonce};

/// Network, time and randomness: those of this machine, or of a simulated one.
#[derive(Debug, Clone)]
pub struct Machine<N, R> {
    /// Opens streams to peers.
    pub network: N,
    /// The source of everything random except nonces.
    pub rng: R,
    /// Milliseconds since 1970, now.
    pub unix_millis: fn() -> u64,
    /// The same, with a nonce that was never used: for sealing.
    pub fresh: fn() -> (u64, Nonce),
}

impl Machine<Tcp, StdRng> {
    /// This machine.
    #[must_use]
    pub fn real() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .expect("Linux gives random bytes once it has booted, and no node starts before");
        Self {
            network: Tcp,
            rng: StdRng::from_seed(seed),
            unix_millis: clock::unix_millis,
            fresh: || (clock::unix_millis(), Nonce::random()),
        }
    }
}
