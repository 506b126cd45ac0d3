//! Where simulated nodes are.

use std::net::SocketAddr;

use demo_node::bootstrap::ContactPoint;

/// Where a node is: the last number of its address.
pub(super) type Host = u8;

/// One life of a process: a number that is never used twice.
pub(super) type Process = u64;

/// How much higher the last number of a host's other address is, if it has one.
const OTHER: u8 = 100;

/// Another address at which a host answers.
pub(super) fn other_contact_point(host: Host) -> ContactPoint {
    contact_point(host + OTHER)
}

pub(super) fn contact_point(host: Host) -> ContactPoint {
    ContactPoint(SocketAddr::from(([10, 0, 0, host], 7626)))
}

pub(super) fn gossip(host: Host) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 7355))
}

pub(super) fn host(address: SocketAddr) -> Host {
    match address {
        SocketAddr::V4(v4) => v4.ip().octets()[3] % OTHER,
        SocketAddr::V6(_) => unreachable!("every simulated address is IPv4"),
    }
}
