//! Counts of the socket's traffic.

use std::{collections::BTreeMap, fmt};

use crate::seal::Unopened;

/// Counts of the socket's traffic since the node started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent.
    pub sent: u64,
    /// Bytes sent, without the network's headers.
    pub sent_bytes: u64,
    /// Datagrams that the socket would not send.
    pub unsent: u64,
    /// Datagrams received, including rejected ones.
    pub received: u64,
    /// Bytes received, including those of rejected ones.
    pub received_bytes: u64,
    /// Datagrams received and dropped, by reason. Reasons that never occurred are not listed.
    pub rejected: BTreeMap<Rejection, u64>,
}

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// This node is in no cluster, not yet or no longer.
    NoCluster,
    /// It is shorter than a seal.
    TooShort,
    /// It is longer than any that a member sends.
    TooLarge,
    /// It is from another version of this program, or not from a member.
    UnknownVersion,
    /// It is sealed with a secret that this node does not have.
    UnknownKey,
    /// It belongs to another cluster.
    OtherCluster,
    /// It was sealed too long ago, or the clocks differ.
    Expired,
    /// It is not a genuine datagram.
    Forged,
    /// It has arrived before.
    Replayed,
    /// It opened, but made no sense.
    Malformed,
}

impl Rejection {
    /// Every reason there is.
    pub const ALL: [Self; 10] = [
        Self::NoCluster,
        Self::TooShort,
        Self::TooLarge,
        Self::UnknownVersion,
        Self::UnknownKey,
        Self::OtherCluster,
        Self::Expired,
        Self::Forged,
        Self::Replayed,
        Self::Malformed,
    ];

    /// The reason as the label of a metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCluster => "no-cluster",
            Self::TooShort => "too-short",
            Self::TooLarge => "too-large",
            Self::UnknownVersion => "unknown-version",
            Self::UnknownKey => "unknown-key",
            Self::OtherCluster => "other-cluster",
            Self::Expired => "expired",
            Self::Forged => "forged",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Unopened> for Rejection {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::TooShort => Self::TooShort,
            Unopened::UnknownVersion => Self::UnknownVersion,
            Unopened::UnknownKey => Self::UnknownKey,
            Unopened::OtherCluster => Self::OtherCluster,
            Unopened::Expired => Self::Expired,
            Unopened::Forged => Self::Forged,
        }
    }
}
