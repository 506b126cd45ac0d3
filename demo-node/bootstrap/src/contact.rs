//! Which of discovery's targets are contact points, and on which port.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use discovery::Target;

use super::ContactPoint;

/// How targets become contact points.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Selection {
    /// The port of targets for which discovery gives none.
    pub fallback_port: u16,
    /// If a host has several ports: whether only the fallback port is a contact point.
    pub filter_on_fallback_port: bool,
    /// The port name that was asked for, if any: then every port that discovery gives counts.
    pub port_name: Option<String>,
    /// This node's own gossip address, which speaks no HTTP and is never probed.
    pub gossip: SocketAddr,
}

/// The contact points, and what was left out although discovery lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The contact points to probe.
    pub contact_points: BTreeSet<ContactPoint>,
    /// Set if the configuration would make this node probe its own gossip port.
    pub skipped_own_gossip: bool,
    /// Hosts without a remaining port: they have several, and none is the fallback port.
    pub filtered_hosts: BTreeSet<IpAddr>,
}

impl Selection {
    /// With this port for targets that have none, for a node that gossips at this address. If a host has several
    /// ports, only this port counts.
    #[must_use]
    pub fn new(fallback_port: u16, gossip: SocketAddr) -> Self {
        Self {
            fallback_port,
            filter_on_fallback_port: true,
            port_name: None,
            gossip,
        }
    }

    /// Chooses the contact points among the targets.
    #[must_use]
    pub fn select(&self, targets: &[Target]) -> Selected {
        let filters = self.filter_on_fallback_port && self.port_name.is_none();
        let mut hosts: BTreeMap<IpAddr, BTreeSet<u16>> = BTreeMap::new();
        for target in targets {
            let port = target.port.unwrap_or(self.fallback_port);
            hosts.entry(target.address).or_default().insert(port);
        }
        let mut filtered_hosts = BTreeSet::new();
        if filters {
            for (host, ports) in &mut hosts {
                if 1 < ports.len() {
                    ports.retain(|port| *port == self.fallback_port);
                }
                if ports.is_empty() {
                    filtered_hosts.insert(*host);
                }
            }
        }
        let mut contact_points: BTreeSet<_> = hosts
            .iter()
            .flat_map(|(host, ports)| ports.iter().map(|port| SocketAddr::new(*host, *port)))
            .map(ContactPoint)
            .collect();
        let skipped_own_gossip = contact_points.remove(&ContactPoint(self.gossip));
        Selected {
            contact_points,
            skipped_own_gossip,
            filtered_hosts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        let (address, port) = match text.split_once(':') {
            Some((address, port)) => (address, Some(port.parse().unwrap())),
            None => (text, None),
        };
        Target::new(address.parse().unwrap(), port, text)
    }

    fn selection() -> Selection {
        Selection {
            fallback_port: 7626,
            filter_on_fallback_port: true,
            port_name: None,
            gossip: "10.0.0.1:7355".parse().unwrap(),
        }
    }

    fn check(selection: &Selection, targets: &[&str], expected: &[&str]) {
        let targets: Vec<_> = targets.iter().map(|text| target(text)).collect();
        let selected = selection.select(&targets);
        let shown: Vec<_> = selected
            .contact_points
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_target_without_port_is_probed_at_the_fallback_port() {
        check(
            &selection(),
            &["10.0.0.2", "10.0.0.1"],
            &["10.0.0.1:7626", "10.0.0.2:7626"],
        );
    }

    #[test]
    fn of_a_host_with_several_ports_only_the_fallback_port_is_probed() {
        let targets = ["10.0.0.1:7625", "10.0.0.1:7626", "10.0.0.2:9000"];
        check(&selection(), &targets, &["10.0.0.1:7626", "10.0.0.2:9000"]);
    }

    #[test]
    fn a_host_of_which_no_port_is_left_is_named() {
        let targets = ["10.0.0.1:7700", "10.0.0.1:7701", "10.0.0.2:9000"];
        check(&selection(), &targets, &["10.0.0.2:9000"]);
        let selected = selection().select(&targets.map(target));
        let host: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(selected.filtered_hosts, BTreeSet::from([host]));
    }

    #[test]
    fn every_port_is_probed_with_the_filter_off_or_a_port_name_asked_for() {
        let targets = ["10.0.0.1:7625", "10.0.0.1:7626"];
        let off = Selection {
            filter_on_fallback_port: false,
            ..selection()
        };
        check(&off, &targets, &targets);
        let named = Selection {
            port_name: Some("management".to_owned()),
            ..selection()
        };
        check(&named, &targets, &targets);
    }

    #[test]
    fn the_own_gossip_port_is_never_probed_and_that_is_said() {
        let targets = [target("10.0.0.1:7355"), target("10.0.0.2:7355")];
        let off = Selection {
            filter_on_fallback_port: false,
            ..selection()
        };
        let selected = off.select(&targets);
        assert!(selected.skipped_own_gossip);
        assert_eq!(selected.contact_points.len(), 1);
    }
}
