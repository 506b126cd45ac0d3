//! Names, ids and addresses of a cluster and its nodes, parsed once and valid from then on.

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name by which a cluster's nodes are found: the ECS service or the tag's value.
///
/// One to 255 letters, digits, `-`, `_` or `.`: what ECS allows in a service name, plus the dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

/// Why a text is not a [`ClusterName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cluster name: expected 1 to 255 letters, digits, `-`, `_` or `.`")]
pub struct InvalidClusterName(String);

/// Distinguishes two clusters with the same name. Random, chosen when a cluster is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

/// Why a text is not a [`ClusterId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cluster id: expected 32 hexadecimal digits")]
pub struct InvalidClusterId(String);

/// One particular cluster, as opposed to another with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Formation {
    /// Which cluster.
    pub id: ClusterId,
    /// When it was founded: milliseconds since 1970, by the founder's clock.
    pub founded_at: u64,
}

impl Formation {
    /// Whether this cluster has precedence when two with the same name meet: the older one has, and of two founded in
    /// the same millisecond the one with the lower id, so that all agree.
    #[must_use]
    pub fn precedes(&self, other: &Self) -> bool {
        (self.founded_at, self.id) < (other.founded_at, other.id)
    }
}

/// Distinguishes two lives of a node at one address. Random, chosen when the process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeUid(pub u64);

/// Where its cluster reaches a node: `cluster://<name>@<ip>:<gossip port>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The advertised gossip address.
    pub socket: SocketAddr,
}

/// Why a text is not a [`NodeAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a node address: expected cluster://<name>@<ip>:<port>")]
pub struct InvalidNodeAddress(String);

impl NodeUid {
    /// From 64 random bits. It has only 53 of them, so that readers with floating-point numbers keep it exact.
    #[must_use]
    pub const fn of_bits(random: u64) -> Self {
        Self(random >> 11)
    }

    /// A new one from the operating system.
    #[must_use]
    pub fn random() -> Self {
        let bits = getrandom::u64()
            .expect("Linux gives random bytes once it has booted, and no node starts before");
        Self::of_bits(bits)
    }
}

impl ClusterName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = InvalidClusterName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=255).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidClusterName(text.to_owned()))
        }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ClusterId {
    type Err = InvalidClusterId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidClusterId(text.to_owned());
        if text.len() != 32 {
            return Err(invalid());
        }
        match u128::from_str_radix(text, 16) {
            Ok(id) => Ok(Self(id)),
            Err(_) => Err(invalid()),
        }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for NodeAddress {
    type Err = InvalidNodeAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNodeAddress(text.to_owned());
        let (cluster, socket) = text
            .strip_prefix("cluster://")
            .and_then(|rest| rest.split_once('@'))
            .ok_or_else(invalid)?;
        match (cluster.parse(), socket.parse()) {
            (Ok(cluster), Ok(socket)) => Ok(Self { cluster, socket }),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster://{}@{}", self.cluster, self.socket)
    }
}

impl fmt::Display for NodeUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(ClusterName, ClusterId, NodeAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_written() {
        let address = "cluster://orders@10.0.1.7:7355";
        assert_eq!(address.parse::<NodeAddress>().unwrap().to_string(), address);
        let v6 = "cluster://orders@[fd00::7]:7355";
        assert_eq!(v6.parse::<NodeAddress>().unwrap().to_string(), v6);
        let id = ClusterId(7);
        assert_eq!(id.to_string().parse::<ClusterId>().unwrap(), id);
    }

    #[test]
    fn a_name_that_would_not_fit_an_address_is_refused() {
        for text in ["", "a b", "a@b", "a/b", &"x".repeat(256)] {
            let error = text.parse::<ClusterName>().unwrap_err();
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn the_older_cluster_goes_first_and_ties_are_settled_by_id() {
        let older = Formation {
            id: ClusterId(9),
            founded_at: 1,
        };
        let younger = Formation {
            id: ClusterId(1),
            founded_at: 2,
        };
        let twin = Formation {
            id: ClusterId(2),
            founded_at: 2,
        };
        assert!(older.precedes(&younger) && !younger.precedes(&older));
        assert!(younger.precedes(&twin) && !twin.precedes(&younger));
    }
}
