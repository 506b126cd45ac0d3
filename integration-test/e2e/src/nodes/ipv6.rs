//! IPv6 addresses for nodes, one for each, that no other run on this machine uses.
//!
//! The loopback has only one IPv6 address, and more must be added: root can do that for the time of a run, and
//! everybody can use addresses that were added by hand.

use std::{
    net::{Ipv6Addr, TcpListener},
    process::{self, Command},
    sync::{Mutex, PoisonError},
};

/// Holding this port of the first address claims all.
const CLAIM_PORT: u16 = 7626;

/// How many addresses are to be added by hand: as many as a run may have nodes, and the first.
const BY_HAND: u16 = 61;

/// Why there are none, and what would help.
pub const NONE: &str = "this machine has no IPv6 addresses for nodes: run as root on Linux with `ip`, or add addresses \
                        (they last until the next restart): for n in $(seq 1 61); do sudo ip -6 addr add fd76:2600::$n/128 dev lo; done";

/// Addresses that are handed out once each.
#[derive(Debug)]
pub struct Ipv6Addresses {
    next: Mutex<u16>,
    // Released before the address on which it is held.
    _claim: TcpListener,
    added: Option<Mutex<Vec<Added>>>,
}

/// An address of the loopback, until this is dropped.
#[derive(Debug)]
struct Added(Ipv6Addr);

impl Ipv6Addresses {
    /// Claims those that were added by hand, or else addresses that are added when needed; none if neither is
    /// possible.
    pub fn claim() -> Option<Self> {
        let claim = |address| TcpListener::bind((address, CLAIM_PORT)).ok();
        if let Some(claim) = claim(by_hand(1)) {
            return Some(Self {
                next: Mutex::new(2),
                _claim: claim,
                added: None,
            });
        }
        let first = Added::add(of_this_process(1))?;
        Some(Self {
            next: Mutex::new(2),
            _claim: claim(first.0)?,
            added: Some(Mutex::new(vec![first])),
        })
    }

    /// An address that nothing has used; none when all are used up.
    pub fn next(&self) -> Option<Ipv6Addr> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let host = *next;
        *next = host.checked_add(1)?;
        match &self.added {
            None => (host <= BY_HAND).then(|| by_hand(host)),
            Some(added) => {
                let one = Added::add(of_this_process(host))?;
                let address = one.0;
                let mut added = added.lock().unwrap_or_else(PoisonError::into_inner);
                added.push(one);
                Some(address)
            }
        }
    }
}

impl Added {
    /// Nobody else can have it, and it is needed at once, without the kernel's search for duplicates.
    fn add(address: Ipv6Addr) -> Option<Self> {
        change("add", address, &["nodad"]).then_some(Self(address))
    }
}

impl Drop for Added {
    fn drop(&mut self) {
        change("del", self.0, &[]);
    }
}

fn change(how: &str, address: Ipv6Addr, more: &[&str]) -> bool {
    let address = format!("{address}/128");
    let changed = Command::new("ip")
        .args(["-6", "addr", how, &address, "dev", "lo"])
        .args(more)
        .output();
    changed.is_ok_and(|it| it.status.success())
}

/// `fd76:2600::61` for 61: shells count in decimals.
fn by_hand(host: u16) -> Ipv6Addr {
    let digits = u16::from_str_radix(&host.to_string(), 16).unwrap_or(host);
    Ipv6Addr::new(0xfd76, 0x2600, 0, 0, 0, 0, 0, digits)
}

fn of_this_process(host: u16) -> Ipv6Addr {
    let [a, b, c, d] = process::id().to_be_bytes();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    Ipv6Addr::new(0xfd76, 0x2600, 0, 1, 0, high, low, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_were_added_by_hand_are_those_of_the_shell() {
        assert_eq!(by_hand(1).to_string(), "fd76:2600::1");
        assert_eq!(by_hand(BY_HAND).to_string(), "fd76:2600::61");
        assert!(NONE.contains(&format!("seq 1 {BY_HAND}")));
    }

    #[test]
    fn where_there_are_any_each_can_be_bound_and_is_handed_out_once() {
        let Some(addresses) = Ipv6Addresses::claim() else {
            // The scenario says so, too.
            return;
        };
        let [one, other] = [(); 2].map(|()| addresses.next().unwrap());
        assert_ne!(one, other);
        for address in [one, other] {
            TcpListener::bind((address, 0)).unwrap();
        }
        let was_added = addresses.added.is_some();
        drop(addresses);
        assert_eq!(TcpListener::bind((one, 0)).is_err(), was_added);
    }
}
