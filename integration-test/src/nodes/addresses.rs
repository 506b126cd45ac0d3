//! Loopback addresses, one for each node, from a block that no other run on this machine uses.
//!
//! Nodes on AWS have the same ports and different addresses, and so have they here: 127.0.0.0/8 is wide.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU8, Ordering},
};

/// How many blocks are tried.
const ATTEMPTS: u16 = 64;

/// Holding this port of a block's first address claims the block.
const CLAIM_PORT: u16 = 7626;

/// Addresses `127.a.b.2` to `127.a.b.254`, each handed out once.
#[derive(Debug)]
pub struct Addresses {
    block: [u8; 2],
    next: AtomicU8,
    _claim: TcpListener,
}

/// No address can be had.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Of 127.0.0.0/8 only 127.0.0.1 exists, as on macOS.
    #[error(
        "no node can have {address}: this system has no loopback addresses but 127.0.0.1. \
         Add some until the next restart with\n\
         \n    for n in $(seq 1 254); do sudo ifconfig lo0 alias 127.{}.{}.$n up; done\n",
        MACOS_BLOCK[0], MACOS_BLOCK[1]
    )]
    NoSuchAddress {
        /// The address that could not be bound.
        address: Ipv4Addr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Other runs hold every block that was tried.
    #[error(
        "every block of loopback addresses is taken by another run, the last one tried is that of {address}"
    )]
    AllTaken {
        /// The last address that was tried.
        address: Ipv4Addr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The run needs more addresses than a block has.
    #[error("all 253 addresses of this run are used up")]
    UsedUp,
}

/// Where addresses must be added by hand, they must be known beforehand.
const MACOS_BLOCK: [u8; 2] = [76, 26];

impl Addresses {
    /// Claims a block.
    pub fn claim() -> Result<Self, AddressError> {
        let mut blocks = candidate_blocks();
        loop {
            let block = blocks.next().expect("a block is tried before none is left");
            let address = address(block, 1);
            match TcpListener::bind((address, CLAIM_PORT)) {
                Ok(claim) => {
                    return Ok(Self {
                        block,
                        next: AtomicU8::new(2),
                        _claim: claim,
                    });
                }
                Err(source) if source.kind() == io::ErrorKind::AddrNotAvailable => {
                    return Err(AddressError::NoSuchAddress { address, source });
                }
                Err(source) if blocks.len() == 0 => {
                    return Err(AddressError::AllTaken { address, source });
                }
                Err(_) => {}
            }
        }
    }

    /// An address that this run has not used before.
    pub fn next(&self) -> Result<Ipv4Addr, AddressError> {
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                next.checked_add(1)
            })
            .map(|last| address(self.block, last))
            .map_err(|_full| AddressError::UsedUp)
    }
}

fn address([a, b]: [u8; 2], last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, a, b, last)
}

/// Blocks from 127.1.0.0 to 127.254.255.0, beginning where this process's id says: parallel runs seldom meet.
fn candidate_blocks() -> impl ExactSizeIterator<Item = [u8; 2]> {
    let attempts = if cfg!(target_os = "linux") {
        ATTEMPTS
    } else {
        1
    };
    let first = process::id();
    (0..attempts).map(move |attempt| {
        if cfg!(target_os = "linux") {
            let [_, _, a, b] = (first.wrapping_add(u32::from(attempt)) % (254 * 256)).to_be_bytes();
            [a + 1, b]
        } else {
            MACOS_BLOCK
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_share_no_address() {
        let one = Addresses::claim().unwrap();
        let other = Addresses::claim().unwrap();

        assert_ne!(one.block, other.block);
    }

    #[test]
    fn every_address_is_handed_out_once() {
        let addresses = Addresses::claim().unwrap();
        let mut all: Vec<_> = (2..=254).map(|_| addresses.next().unwrap()).collect();
        all.dedup();

        assert_eq!(all.len(), 253);
        assert!(matches!(addresses.next(), Err(AddressError::UsedUp)));
    }

    #[test]
    fn an_address_can_be_bound() {
        let addresses = Addresses::claim().unwrap();

        TcpListener::bind((addresses.next().unwrap(), 0)).unwrap();
    }
}
