//! Loopback addresses, one for each node, from a block that no other run on this machine uses.
//!
//! Nodes on AWS have the same ports and different addresses, and so do they here: 127.0.0.0/8 is large.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, TcpListener},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Holding this port of a block's first address claims the block.
const CLAIM_PORT: u16 = 7626;

/// If addresses must be added by hand, they must be known in advance.
const MACOS_BLOCK: u8 = 76;

/// How many addresses to add by hand: more than a usual run needs.
const MACOS_ADDRESSES: u16 = 250;

/// The first host after the last that has an address. On Linux that is the block's broadcast address.
const END: u16 = if cfg!(target_os = "linux") {
    u16::MAX
} else {
    MACOS_ADDRESSES + 1
};

/// Addresses `127.x.0.2` to `127.x.255.254`, or as many as were added by hand. Each is given out once; when there are
/// no more, returned ones are used again, the longest unused first.
#[derive(Debug)]
pub struct Addresses {
    block: u8,
    hosts: Mutex<Hosts>,
    _claim: TcpListener,
}

#[derive(Debug)]
struct Hosts {
    next: u16,
    end: u16,
    given_back: VecDeque<Ipv4Addr>,
}

/// No address can be had.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Of 127.0.0.0/8 only 127.0.0.1 exists, as on macOS.
    #[error(
        "no node can have {address}: this system's only loopback address is 127.0.0.1. \
         Add more (they last until the next restart) with\n\
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
        "all blocks of loopback addresses are used by other runs; the last one tried is that of {address}"
    )]
    AllTaken {
        /// The last address that was tried.
        address: Ipv4Addr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The run needs more addresses than a block has.
    #[error("this run has used all its addresses")]
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
                        hosts: Mutex::new(Hosts {
                            next: 2,
                            end: END,
                            given_back: VecDeque::new(),
                        }),
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

    /// The network of all of them, as `127.x.0.0/16`.
    pub fn cidr(&self) -> String {
        format!("{}/16", address(self.block, 0))
    }

    /// An address that is not used in this run, and that was not used before if possible.
    pub fn next(&self) -> Result<Ipv4Addr, AddressError> {
        let mut hosts = self.hosts();
        if hosts.next < hosts.end {
            let host = hosts.next;
            hosts.next += 1;
            return Ok(address(self.block, host));
        }
        hosts.given_back.pop_front().ok_or(AddressError::UsedUp)
    }

    /// This address is no longer used.
    pub fn give_back(&self, address: Ipv4Addr) {
        self.hosts().given_back.push_back(address);
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(block: u8, host: u16) -> Ipv4Addr {
    let [high, low] = host.to_be_bytes();
    Ipv4Addr::new(127, block, high, low)
}

/// Begins at a block from this process's id, so that parallel runs seldom collide. 127.0.0.0/16 is for everybody.
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
        let all: BTreeSet<_> = (2..END).map(|_| addresses.next().unwrap()).collect();

        assert_eq!(all.len(), usize::from(END) - 2);
        assert!(matches!(addresses.next(), Err(AddressError::UsedUp)));
    }

    #[test]
    fn all_are_in_one_network() {
        let addresses = Addresses::claim().unwrap();
        let [_, block, ..] = addresses.next().unwrap().octets();

        assert_eq!(addresses.cidr(), format!("127.{block}.0.0/16"));
    }

    #[test]
    fn what_was_given_back_is_used_again_only_when_there_is_nothing_else() {
        let addresses = Addresses::claim().unwrap();
        addresses.hosts().end = 5;
        let [one, two, _] = [(); 3].map(|()| {
            let next = addresses.next().unwrap();
            if addresses.hosts().next < 5 {
                addresses.give_back(next);
            }
            next
        });

        assert_eq!(addresses.next().unwrap(), one);
        assert_eq!(addresses.next().unwrap(), two);
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
