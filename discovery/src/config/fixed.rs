//! `10.0.0.1:7626,10.0.0.2`: peers with known addresses.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use super::invalid::Invalid;

/// Settings of `config`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Fixed {
    /// The peers.
    pub targets: Addresses,
}

/// Addresses, each with or without a port. As text, separated by commas: `10.0.0.1:7626`, `10.0.0.2`,
/// `[fd00::1]:7626`, `fd00::2`. Names are not resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(BTreeSet<(IpAddr, Option<u16>)>);

impl Fixed {
    /// These peers.
    pub fn new(targets: Addresses) -> Self {
        Self { targets }
    }
}

impl Addresses {
    /// Each once, in any order.
    ///
    /// # Errors
    ///
    /// When a port is 0.
    pub fn new(
        addresses: impl IntoIterator<Item = (IpAddr, Option<u16>)>,
    ) -> Result<Self, Invalid> {
        let addresses: BTreeSet<_> = addresses.into_iter().collect();
        match addresses.iter().find(|(_, port)| *port == Some(0)) {
            Some((address, _)) => Err(not_an_address(&SocketAddr::new(*address, 0).to_string())),
            None => Ok(Self(addresses)),
        }
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Option<u16>)> {
        self.0.iter().copied()
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Addresses {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let addresses: Result<Vec<_>, Invalid> = text
            .split(',')
            .map(str::trim)
            .map(|address| parse(address).ok_or_else(|| not_an_address(address)))
            .collect();
        Self::new(addresses?)
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, port)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            match port {
                Some(port) => write!(f, "{separator}{}", SocketAddr::new(*address, *port))?,
                None => write!(f, "{separator}{address}")?,
            }
        }
        Ok(())
    }
}

fn parse(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address, None));
    }
    let address: SocketAddr = text.parse().ok()?;
    Some((address.ip(), Some(address.port())))
}

fn not_an_address(text: &str) -> Invalid {
    Invalid::new(
        "targets",
        format!("`{text}` is not an address; expected 10.0.0.1, 10.0.0.1:7626 or [fd00::1]:7626"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_come_with_a_port_or_without() {
        let addresses: Addresses = "10.0.0.2, 10.0.0.1:7626,[fd00::1]:7626,fd00::2"
            .parse()
            .unwrap();
        assert_eq!(
            addresses.to_string(),
            "10.0.0.1:7626,10.0.0.2,[fd00::1]:7626,fd00::2"
        );
        assert!("".parse::<Addresses>().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_an_address_is_quoted() {
        for wrong in ["localhost:7626", "10.0.0.1:0", "10.0.0", "10.0.0.1:x"] {
            let error = wrong.parse::<Addresses>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("targets: `{wrong}` is not an address")),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn addresses_round_trip(
            addresses in prop::collection::vec((any::<IpAddr>(), prop::option::of(1_u16..)), 0..5),
        ) {
            let addresses = Addresses::new(addresses).unwrap();
            prop_assert_eq!(addresses.to_string().parse(), Ok(addresses));
        }
    }
}
