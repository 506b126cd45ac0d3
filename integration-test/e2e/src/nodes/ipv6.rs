//! IPv6 addresses for nodes, one for each, from a block that no other run on this machine uses.
//!
//! Of IPv6 the loopback has one address. Linux takes a whole block for its own where a route of type `local` says so,
//! without an address being added: root can add one, and anybody can use one that is there.

use std::{
    cell::Cell,
    io,
    net::{Ipv6Addr, TcpListener},
    process::{self, Command},
};

/// Holding this port of a block's first address claims the block.
const CLAIM_PORT: u16 = 7626;

/// How many blocks are tried, beginning where this process's id says.
const TRIES: u32 = 16;

/// Why there are none, and what would help.
pub const NONE: &str = "this machine gives nodes no IPv6 addresses of their own: run as root on Linux, or once until the \
                        next restart `sudo ip -6 route add local fd76:2600::/64 dev lo`";

/// Addresses `fd76:2600::x:2` to `fd76:2600::x:ffff`, each handed out once.
#[derive(Debug)]
pub struct Ipv6Addresses {
    block: u16,
    next: Cell<u16>,
    // Given up before the route that it needs.
    _claim: TcpListener,
    _route: Option<Route>,
}

/// A route that was added, until this is dropped.
#[derive(Debug)]
struct Route(String);

impl Ipv6Addresses {
    /// Claims a block; none where this machine gives none.
    pub fn claim() -> Option<Self> {
        let first = process::id();
        (0..TRIES).find_map(|attempt| {
            let [.., high, low] = first.wrapping_add(attempt).to_be_bytes();
            let block = u16::from_be_bytes([high, low]);
            let bound = || TcpListener::bind((address(block, 1), CLAIM_PORT));
            let (claim, route) = match bound() {
                Ok(claim) => (claim, None),
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    let route = Route::add(block)?;
                    (bound().ok()?, Some(route))
                }
                Err(_) => return None,
            };
            Some(Self {
                block,
                next: Cell::new(2),
                _claim: claim,
                _route: route,
            })
        })
    }

    /// An address that nothing has used; none when all are used up.
    pub fn next(&self) -> Option<Ipv6Addr> {
        let host = self.next.get();
        self.next.set(host.checked_add(1)?);
        Some(address(self.block, host))
    }
}

impl Route {
    fn add(block: u16) -> Option<Self> {
        let route = Self(format!("{}/112", address(block, 0)));
        route.change("add").then_some(route)
    }

    fn change(&self, how: &str) -> bool {
        let Self(block) = self;
        let changed = Command::new("ip")
            .args(["-6", "route", how, "local", block, "dev", "lo"])
            .output();
        changed.is_ok_and(|it| it.status.success())
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        self.change("del");
    }
}

fn address(block: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd76, 0x2600, 0, 0, 0, 0, block, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_any_two_runs_share_no_address_and_each_can_be_bound() {
        let Some(one) = Ipv6Addresses::claim() else {
            // Nothing of this machine can be shown then; the scenario says so, too.
            assert!(NONE.contains("fd76:2600::/64"));
            return;
        };
        let other = Ipv6Addresses::claim().unwrap();
        assert_ne!(one.block, other.block);
        let [first, second] = [one.next().unwrap(), one.next().unwrap()];
        assert_ne!(first, second);
        for address in [first, second, other.next().unwrap()] {
            TcpListener::bind((address, 0)).unwrap();
        }
    }
}
