//! The addresses of nodes, as people write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::StatusCode;
use discovery::excerpt;

use super::{
    problem::{LONGEST_SHOWN, Problem},
    sources::Sources,
};

const SCHEME: &str = "cluster://";

/// `cluster://name@ip:port`, `name@ip:port` or `ip:port`.
pub(super) fn socket(sources: &Sources, address: &str) -> Result<SocketAddr, Problem> {
    let bare = address.strip_prefix(SCHEME).unwrap_or(address);
    let bad = |why: &str| {
        let error = format!("`{}` {why}", excerpt(address, LONGEST_SHOWN));
        Problem::new(StatusCode::BAD_REQUEST, error)
    };
    let (name, socket) = match bare.split_once('@') {
        Some((name, socket)) => (Some(name), socket),
        None => (None, bare),
    };
    let socket: SocketAddr = socket
        .parse()
        .map_err(|_unreadable| bad("is not an address; expected [cluster://]<name>@<ip>:<port>"))?;
    // An IPv4 address may be written as an IPv6 one.
    let socket = SocketAddr::new(socket.ip().to_canonical(), socket.port());
    if let Some(why) = why_no_node(socket) {
        return Err(bad(why));
    }
    match name {
        Some(name) if name != sources.node.cluster.as_str() => {
            let (ours, theirs) = (&sources.node.cluster, excerpt(name, LONGEST_SHOWN));
            let error = format!("this cluster is `{ours}`, not `{theirs}`");
            Err(Problem::new(StatusCode::NOT_FOUND, error))
        }
        Some(_) | None => Ok(socket),
    }
}

/// Why no node can have this address, if so.
fn why_no_node(socket: SocketAddr) -> Option<&'static str> {
    let ip = socket.ip();
    // All of 0.0.0.0/8 is this host, and all of 240.0.0.0/4 is reserved.
    let (this_host, reserved) = match ip {
        IpAddr::V4(ip) => (ip.octets()[0] == 0, 240 <= ip.octets()[0]),
        IpAddr::V6(ip) => (ip.is_unspecified(), false),
    };
    if socket.port() == 0 {
        Some("has the port 0, which no node can have")
    } else if ip.is_multicast() {
        Some("is a multicast address, which no node can have")
    } else if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("is the broadcast address, which no node can have")
    } else if this_host {
        Some("is an unspecified address, which no node can have")
    } else if reserved {
        Some("is a reserved address, which no node can have")
    } else {
        None
    }
}
