//! Loopback addresses, one for each node, from a block that no other run on this machine uses.
//!
//! Nodes on AWS have the same ports and different addresses, and so have they here: 127.0.0.0/8 is wide.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Holding this port of a block's first address claims the block.
const CLAIM_PORT: u16 = 7626;

/// Where addresses must be added by hand, they must be known beforehand.
const MACOS_BLOCK: u8 = 76;

/// How many addresses that asks for: more than a usual run needs.
const MACOS_ADDRESSES: u16 = 250;

/// Addresses `127.x.0.2` to `127.x.255.254`, each handed out once.
#[derive(Debug)]
pub struct Addresses {
    block: u8,
    next: AtomicU16,
    _claim: TcpListener,
}

/// No address can be had.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Of 127.0.0.0/8 only 127.0.0.1 exists, as on macOS.
    #[error(
        "no node can have {address}: this system has no loopback addresses but 127.0.0.1. \
         Add some until the next restart with\n\
         \n    for n in $(seq 1 {MACOS_ADDRESSES}); do sudo ifconfig lo0 alias 127.{MACOS_BLOCK}.0.$n up; done\n"
    )]
    NoSuchAddress {
        /// The address that could not be bound.
        address: Ipv4Addr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Other runs hold every block.
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
    #[error("all addresses of this run are used up")]
    UsedUp,
}

impl Addresses {
    /// Claims a block.
    pub fn claim() -> Result<Self, AddressError> {
        let mut blocks = candidate_blocks();
        loop {
            let block = blocks.next().expect("the last one to fail is an error");
            let address = address(block, 1);
            match TcpListener::bind((address, CLAIM_PORT)) {
                Ok(claim) => {
                    return Ok(Self {
                        block,
                        next: AtomicU16::new(2),
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
        // Without the last, which is the block's broadcast address.
        let after = |host: u16| (host < u16::MAX).then(|| host + 1);
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, after)
            .map(|host| address(self.block, host))
            .map_err(|_last| AddressError::UsedUp)
    }
}

fn address(block: u8, host: u16) -> Ipv4Addr {
    let [high, low] = host.to_be_bytes();
    Ipv4Addr::new(127, block, high, low)
}

/// Beginning where this process's id says, so that parallel runs seldom meet. 127.0.0.0/16 is everybody's.
fn candidate_blocks() -> impl ExactSizeIterator<Item = u8> {
    let first = process::id();
    let blocks: u8 = if cfg!(target_os = "linux") { 254 } else { 1 };
    (0..blocks).map(move |attempt| {
        if cfg!(target_os = "linux") {
            let [.., block] = ((first + u32::from(attempt)) % 254).to_be_bytes();
            block + 1
        } else {
            MACOS_BLOCK
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
        let all: BTreeSet<_> = (2..u16::MAX).map(|_| addresses.next().unwrap()).collect();

        assert_eq!(all.len(), usize::from(u16::MAX) - 2);
        assert!(matches!(addresses.next(), Err(AddressError::UsedUp)));
    }

    #[test]
    fn an_address_can_be_bound() {
        let addresses = Addresses::claim().unwrap();

        TcpListener::bind((addresses.next().unwrap(), 0)).unwrap();
    }

    #[test]
    fn where_there_is_only_one_loopback_address_the_remedy_is_a_command() {
        let failure = AddressError::NoSuchAddress {
            address: address(MACOS_BLOCK, 1),
            source: io::ErrorKind::AddrNotAvailable.into(),
        };

        let text = failure.to_string();
        let command = "for n in $(seq 1 250); do sudo ifconfig lo0 alias 127.76.0.$n up; done";
        assert!(text.contains(command), "{text}");
    }
}
