//! Where `DescribeTasks` returns a task's address.
//!
//! The attachment of the elastic network interface has it, and so has each container. Either may be missing, every
//! field is optional, and attachments come in any order.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use aws_sdk_ecs::types::{Attachment, Container, NetworkInterface, Task};

use crate::config::AddressFamily;

/// Which address of a task is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) family: AddressFamily,
    /// Only this container's interface counts.
    pub(crate) container: Option<String>,
}

impl Wanted {
    /// One address for each task, however many containers it has; else the address that it has instead.
    pub(crate) fn of(&self, task: &Task) -> Result<IpAddr, Option<IpAddr>> {
        self.family.choose(self.ipv4(task), self.ipv6(task))
    }

    fn ipv4(&self, task: &Task) -> Option<IpAddr> {
        let within = || self.within::<Ipv4Addr>(task, NetworkInterface::private_ipv4_address);
        match &self.container {
            Some(_) => within(),
            None => attached(task).or_else(within),
        }
    }

    /// The name of the address in the attachment is not documented; the one in the containers is.
    fn ipv6(&self, task: &Task) -> Option<IpAddr> {
        self.within::<Ipv6Addr>(task, NetworkInterface::ipv6_address)
    }

    /// The first address of the containers that count.
    fn within<T: FromStr + Into<IpAddr>>(
        &self,
        task: &Task,
        address: impl Fn(&NetworkInterface) -> Option<&str>,
    ) -> Option<IpAddr> {
        let wanted = self.container.as_deref();
        task.containers()
            .iter()
            .filter(|container| wanted.is_none_or(|name| container.name() == Some(name)))
            .flat_map(Container::network_interfaces)
            .find_map(|interface| parse::<T>(address(interface)))
    }
}

fn attached(task: &Task) -> Option<IpAddr> {
    task.attachments()
        .iter()
        .filter(|attachment| attachment.r#type() == Some("ElasticNetworkInterface"))
        .flat_map(Attachment::details)
        .filter(|detail| detail.name() == Some("privateIPv4Address"))
        .find_map(|detail| parse::<Ipv4Addr>(detail.value()))
}

fn parse<T: FromStr + Into<IpAddr>>(text: Option<&str>) -> Option<IpAddr> {
    let address: IpAddr = text?.parse::<T>().ok()?.into();
    (!address.is_unspecified()).then_some(address)
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.family.wanted())?;
        match &self.container {
            Some(name) => write!(f, " of container `{name}`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::KeyValuePair;

    use super::*;

    fn interface(ipv4: Option<&str>, ipv6: Option<&str>) -> NetworkInterface {
        NetworkInterface::builder()
            .set_private_ipv4_address(ipv4.map(str::to_owned))
            .set_ipv6_address(ipv6.map(str::to_owned))
            .build()
    }

    fn container(name: &str, interfaces: Vec<NetworkInterface>) -> Container {
        Container::builder()
            .name(name)
            .set_network_interfaces(Some(interfaces))
            .build()
    }

    fn attachment(kind: &str, details: &[(&str, &str)]) -> Attachment {
        let details = details
            .iter()
            .map(|(name, value)| KeyValuePair::builder().name(*name).value(*value).build());
        Attachment::builder()
            .r#type(kind)
            .set_details(Some(details.collect()))
            .build()
    }

    fn address(wanted: &Wanted, task: &Task) -> Option<String> {
        wanted.of(task).ok().map(|address| address.to_string())
    }

    const IPV4: Wanted = Wanted {
        family: AddressFamily::Ipv4,
        container: None,
    };
    const IPV6: Wanted = Wanted {
        family: AddressFamily::Ipv6,
        container: None,
    };

    #[test]
    fn the_address_is_that_of_the_interface_attachment_wherever_it_stands() {
        let task = Task::builder()
            .attachments(attachment(
                "Service Connect",
                &[("privateIPv4Address", "10.9.9.9")],
            ))
            .attachments(attachment(
                "ElasticNetworkInterface",
                &[("subnetId", "subnet-1"), ("privateIPv4Address", "10.0.1.7")],
            ))
            .containers(container("web", vec![interface(Some("10.0.1.8"), None)]))
            .build();
        assert_eq!(address(&IPV4, &task).as_deref(), Some("10.0.1.7"));
    }

    #[test]
    fn without_an_attachment_a_containers_interface_counts() {
        let task = Task::builder()
            .containers(container("init", Vec::new()))
            .containers(container("web", vec![interface(Some("10.0.1.7"), None)]))
            .build();
        assert_eq!(address(&IPV4, &task).as_deref(), Some("10.0.1.7"));
    }

    #[test]
    fn ipv6_comes_from_the_containers() {
        let task = Task::builder()
            .attachments(attachment(
                "ElasticNetworkInterface",
                &[("privateIPv4Address", "10.0.1.7")],
            ))
            .containers(container(
                "web",
                vec![interface(Some("10.0.1.7"), Some("2001:db8::7"))],
            ))
            .build();
        assert_eq!(address(&IPV6, &task).as_deref(), Some("2001:db8::7"));
    }

    #[test]
    fn auto_takes_ipv4_where_there_is_one_and_else_ipv6() {
        let auto = Wanted {
            family: AddressFamily::Auto,
            container: None,
        };
        let task = |ipv4| {
            let interfaces = vec![interface(ipv4, Some("2001:db8::7"))];
            Task::builder()
                .containers(container("web", interfaces))
                .build()
        };
        let both = task(Some("10.0.1.7"));
        assert_eq!(address(&auto, &both).as_deref(), Some("10.0.1.7"));
        let only_ipv6 = task(None);
        assert_eq!(address(&auto, &only_ipv6).as_deref(), Some("2001:db8::7"));
        let instead = "2001:db8::7".parse().unwrap();
        assert_eq!(IPV4.of(&only_ipv6), Err(Some(instead)));
    }

    #[test]
    fn a_chosen_container_is_the_only_one_that_counts() {
        let task = Task::builder()
            .attachments(attachment(
                "ElasticNetworkInterface",
                &[("privateIPv4Address", "10.0.1.7")],
            ))
            .containers(container(
                "sidecar",
                vec![interface(Some("10.0.1.8"), None)],
            ))
            .containers(container("web", vec![interface(Some("10.0.1.9"), None)]))
            .build();
        let of = |name: &str| Wanted {
            container: Some(name.to_owned()),
            ..IPV4
        };
        assert_eq!(address(&of("web"), &task).as_deref(), Some("10.0.1.9"));
        assert_eq!(address(&of("other"), &task), None);
    }

    #[test]
    fn a_missing_or_unusable_address_is_none_and_never_another() {
        let details = [
            ("privateIPv4Address", ""),
            ("privateIPv4Address", "0.0.0.0"),
        ];
        for task in [
            Task::builder().build(),
            Task::builder()
                .attachments(Attachment::builder().build())
                .build(),
            Task::builder()
                .attachments(attachment("ElasticNetworkInterface", &details))
                .containers(container("web", vec![interface(None, None)]))
                .build(),
            Task::builder()
                .containers(container("web", vec![interface(Some("fd00::1"), None)]))
                .build(),
        ] {
            assert_eq!(address(&IPV4, &task), None);
            assert_eq!(address(&IPV6, &task), None);
        }
    }
}
