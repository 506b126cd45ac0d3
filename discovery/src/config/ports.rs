//! `7625,7626`: the ports that every instance serves.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::invalid::Invalid;

/// Ports, each once, none of them 0. As text, separated by commas; empty text means none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(BTreeSet<u16>);

impl Ports {
    /// Each once, in any order.
    ///
    /// # Errors
    ///
    /// When a port is 0.
    pub fn new(ports: impl IntoIterator<Item = u16>) -> Result<Self, Invalid> {
        let ports: BTreeSet<u16> = ports.into_iter().collect();
        if ports.contains(&0) {
            return Err(not_a_port("0"));
        }
        Ok(Self(ports))
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied()
    }

    /// Whether there is no port; then targets have none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Ports {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let ports: Result<Vec<u16>, Invalid> = text
            .split(',')
            .map(|port| port.trim().parse().ok().ok_or_else(|| not_a_port(port)))
            .collect();
        Self::new(ports?)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, port) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{port}")?;
        }
        Ok(())
    }
}

fn not_a_port(text: &str) -> Invalid {
    Invalid::new(
        "ports",
        format!("`{text}` is not a port; expected numbers from 1 to 65535, like 7625,7626"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_round_trip() {
        for (text, same) in [("", ""), ("7626", "7626"), ("7626, 7625,7626", "7625,7626")] {
            let ports: Ports = text.parse().unwrap();
            assert_eq!(ports.to_string(), same);
            assert_eq!(same.parse(), Ok(ports));
        }
    }

    #[test]
    fn what_is_not_a_port_is_quoted() {
        for (text, quoted) in [("0", "0"), ("1,x", "x"), ("65536", "65536"), ("1,,2", "")] {
            let error = text.parse::<Ports>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("ports: `{quoted}` is not a port")),
                "{error}"
            );
        }
    }
}
