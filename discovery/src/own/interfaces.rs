//! The network interfaces, if nothing else gives the own address.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::config::AddressFamily;

/// An address of this host, and whether it may be its own address for others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The interface's name.
    pub interface: String,
    /// Its address.
    pub address: IpAddr,
    /// Whether it is possible.
    pub judgement: Judgement,
}

/// Whether others could reach this host at the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Judgement {
    /// They could.
    #[error("possible")]
    Possible,
    /// It only reaches this host.
    #[error("loopback")]
    Loopback,
    /// It only reaches the same link; ECS uses such addresses for its own endpoints.
    #[error("link-local")]
    LinkLocal,
    /// It is a multicast address.
    #[error("multicast")]
    Multicast,
    /// It is not an address of a host.
    #[error("unspecified")]
    Unspecified,
    /// It is neither private nor in 100.64.0.0/10.
    #[error("public")]
    Public,
    /// There is also an IPv4 address, which is preferred.
    #[error("IPv4 goes first")]
    AfterIpv4,
    /// IPv4 is required.
    #[error("not IPv4")]
    NotIpv4,
    /// IPv6 is required.
    #[error("not IPv6")]
    NotIpv6,
}

/// The interface and the address, if exactly one is possible; otherwise all addresses.
pub(crate) fn only(family: AddressFamily) -> Result<(String, IpAddr), Vec<Candidate>> {
    // Reading them fails only without memory or file handles: then none is known.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces
        .into_iter()
        .map(|interface| (interface.name.clone(), interface.ip()))
        .collect();
    choose(addresses, family)
}

/// Exactly one must be possible.
fn choose(
    addresses: Vec<(String, IpAddr)>,
    family: AddressFamily,
) -> Result<(String, IpAddr), Vec<Candidate>> {
    let mut found: Vec<Candidate> = addresses
        .into_iter()
        .map(|(interface, address)| Candidate {
            interface,
            address,
            judgement: judge(address),
        })
        .collect();
    let possible = |found: &Candidate| found.judgement == Judgement::Possible;
    let ipv4 = found
        .iter()
        .any(|found| possible(found) && found.address.is_ipv4());
    for candidate in &mut found {
        if !possible(candidate) {
            continue;
        }
        match (family, candidate.address) {
            (AddressFamily::Auto, IpAddr::V6(_)) if ipv4 => {
                candidate.judgement = Judgement::AfterIpv4;
            }
            (AddressFamily::Ipv4, IpAddr::V6(_)) => candidate.judgement = Judgement::NotIpv4,
            (AddressFamily::Ipv6, IpAddr::V4(_)) => candidate.judgement = Judgement::NotIpv6,
            (AddressFamily::Auto, _)
            | (AddressFamily::Ipv4, IpAddr::V4(_))
            | (AddressFamily::Ipv6, IpAddr::V6(_)) => {}
        }
    }
    let mut remaining = found.iter().filter(|candidate| possible(candidate));
    match (remaining.next(), remaining.next()) {
        (Some(only), None) => Ok((only.interface.clone(), only.address)),
        (Some(_), Some(_)) | (None, _) => Err(found),
    }
}

fn judge(address: IpAddr) -> Judgement {
    match address {
        IpAddr::V4(address) => judge_ipv4(address),
        IpAddr::V6(address) => judge_ipv6(address),
    }
}

fn judge_ipv4(address: Ipv4Addr) -> Judgement {
    let [first, second, ..] = address.octets();
    // Carrier-grade NAT addresses, which VPCs may use.
    let shared = first == 100 && (64..128).contains(&second);
    if address.is_loopback() {
        Judgement::Loopback
    } else if address.is_link_local() {
        Judgement::LinkLocal
    } else if address.is_multicast() || address.is_broadcast() {
        Judgement::Multicast
    } else if address.is_unspecified() {
        Judgement::Unspecified
    } else if address.is_private() || shared {
        Judgement::Possible
    } else {
        Judgement::Public
    }
}

/// IPv6 addresses of a VPC are usually globally unique.
fn judge_ipv6(address: Ipv6Addr) -> Judgement {
    if address.is_loopback() {
        Judgement::Loopback
    } else if address.is_unicast_link_local() {
        Judgement::LinkLocal
    } else if address.is_multicast() {
        Judgement::Multicast
    } else if address.is_unspecified() {
        Judgement::Unspecified
    } else {
        Judgement::Possible
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            interface,
            address,
            judgement,
        } = self;
        write!(f, "{address} on {interface} ({judgement})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// Addresses on `if0`, `if1` and so on; the chosen one, or the message.
    fn chosen(family: AddressFamily, addresses: &[&str]) -> Result<String, String> {
        let addresses = addresses
            .iter()
            .enumerate()
            .map(|(index, address)| (format!("if{index}"), address.parse().unwrap()));
        choose(addresses.collect(), family)
            .map(|(_, address)| address.to_string())
            .map_err(|found| {
                let instance_metadata = None;
                let error = Error::OwnAddress {
                    found,
                    instance_metadata,
                };
                error.to_string()
            })
    }

    #[test]
    fn on_fargate_the_link_local_interface_is_passed_over() {
        let addresses = [
            "127.0.0.1",
            "169.254.172.2",
            "fe80::c58:1",
            "10.0.1.7",
            "fe80::1",
        ];
        assert_eq!(
            chosen(AddressFamily::Auto, &addresses),
            Ok("10.0.1.7".to_owned())
        );
    }

    #[test]
    fn private_and_shared_address_space_counts() {
        for address in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.254",
        ] {
            assert_eq!(
                chosen(AddressFamily::Auto, &[address]),
                Ok(address.to_owned())
            );
        }
    }

    #[test]
    fn an_address_that_others_cannot_use_is_listed_with_the_reason() {
        for (address, reason) in [
            ("127.0.0.1", "loopback"),
            ("169.254.0.1", "link-local"),
            ("224.0.0.1", "multicast"),
            ("0.0.0.0", "unspecified"),
            ("8.8.8.8", "public"),
            ("100.63.255.255", "public"),
            ("100.128.0.0", "public"),
            ("::1", "loopback"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("ff02::1", "multicast"),
            ("::", "unspecified"),
        ] {
            assert_eq!(
                chosen(AddressFamily::Auto, &[address]),
                Err(format!(
                    "this host's own address is not certain: {address} on if0 ({reason})"
                ))
            );
        }
    }

    #[test]
    fn two_possible_addresses_are_an_error_that_lists_both() {
        assert_eq!(
            chosen(
                AddressFamily::Auto,
                &["10.0.1.7", "127.0.0.1", "172.17.0.1"]
            ),
            Err(
                "this host's own address is not certain: 10.0.1.7 on if0 (possible); \
                 127.0.0.1 on if1 (loopback); 172.17.0.1 on if2 (possible)"
                    .to_owned()
            )
        );
    }

    #[test]
    fn no_interface_is_an_error_that_says_so() {
        assert_eq!(
            chosen(AddressFamily::Auto, &[]),
            Err(
                "this host's own address is not certain: this host has no network interface"
                    .to_owned()
            )
        );
    }

    #[test]
    fn with_both_families_the_wanted_one_is_taken() {
        let addresses = ["10.0.1.7", "2001:db8::7"];
        assert_eq!(
            chosen(AddressFamily::Auto, &addresses),
            Ok("10.0.1.7".to_owned())
        );
        assert_eq!(
            chosen(AddressFamily::Ipv4, &addresses),
            Ok("10.0.1.7".to_owned())
        );
        assert_eq!(
            chosen(AddressFamily::Ipv6, &addresses),
            Ok("2001:db8::7".to_owned())
        );
    }

    #[test]
    fn in_a_vpc_without_ipv4_the_address_is_ipv6() {
        for address in ["2001:db8::7", "fd00::7"] {
            let addresses = ["127.0.0.1", "169.254.172.2", address];
            assert_eq!(
                chosen(AddressFamily::Auto, &addresses),
                Ok(address.to_owned())
            );
        }
        for (family, address, reason) in [
            (AddressFamily::Ipv6, "10.0.1.7", "not IPv6"),
            (AddressFamily::Ipv4, "2001:db8::7", "not IPv4"),
        ] {
            assert_eq!(
                chosen(family, &[address]),
                Err(format!(
                    "this host's own address is not certain: {address} on if0 ({reason})"
                ))
            );
        }
    }
}
