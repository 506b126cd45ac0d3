//! What connections may use.

use std::time::Duration;

/// What connections may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Streams of events at the same time: few enough that they never use all connections.
    pub streams: usize,
    /// How long a request's header may take, from the connection or from its first byte.
    pub header: Duration,
    /// How long a connection may stay open without a request.
    pub idle: Duration,
    /// How long a client may read no bytes of an answer that is ready.
    pub write: Duration,
    /// How long connections may take to end when the node stops.
    pub drain: Duration,
}

/// Descriptors for everything except connections to management HTTP: about 15 that the process always has, and those
/// of probes, of calls to AWS and of synchronisation.
const RESERVE: usize = 40;

/// The lowest number of connections. If descriptors run out, connections are closed for new ones.
const FEWEST_CONNECTIONS: usize = 8;

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
    /// As many connections as this many descriptors allow.
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
