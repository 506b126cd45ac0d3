//! The answer of DescribeInstances in XML.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::account::Account;
use crate::account::instance::{Instance, InstanceId, Interface};
use crate::paging::Page;
use crate::reply::{REQUEST_ID, iso_8601};

#[derive(Serialize)]
#[serde(rename = "DescribeInstancesResponse", rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    request_id: &'static str,
    reservation_set: Set<ReservationXml<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

/// Lists are elements called `item`.
#[derive(Serialize)]
struct Set<T> {
    item: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReservationXml<'a> {
    reservation_id: &'a str,
    owner_id: &'a str,
    group_set: Set<()>,
    instances_set: Set<InstanceXml<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstanceXml<'a> {
    instance_id: &'a str,
    image_id: &'static str,
    instance_state: StateXml,
    private_dns_name: String,
    dns_name: &'static str,
    ami_launch_index: u32,
    product_codes: Set<()>,
    instance_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_time: Option<String>,
    placement: PlacementXml<'a>,
    monitoring: MonitoringXml,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip_address: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_address: Option<Ipv6Addr>,
    architecture: &'static str,
    root_device_type: &'static str,
    virtualization_type: &'static str,
    tag_set: Set<TagXml<'a>>,
    hypervisor: &'static str,
    network_interface_set: Set<InterfaceXml<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iam_instance_profile: Option<ProfileXml>,
    ebs_optimized: bool,
}

#[derive(Serialize)]
struct StateXml {
    code: u8,
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlacementXml<'a> {
    availability_zone: &'a str,
    tenancy: &'static str,
}

#[derive(Serialize)]
struct MonitoringXml {
    state: &'static str,
}

#[derive(Serialize)]
struct TagXml<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct ProfileXml {
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InterfaceXml<'a> {
    network_interface_id: &'a str,
    subnet_id: &'a str,
    vpc_id: &'a str,
    description: &'a str,
    owner_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip_address: Option<Ipv4Addr>,
    attachment: AttachmentXml,
    private_ip_addresses_set: Set<PrivateAddressXml>,
    ipv6_addresses_set: Set<Ipv6AddressXml>,
    interface_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentXml {
    device_index: u32,
    status: &'static str,
    delete_on_termination: bool,
    network_card_index: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrivateAddressXml {
    private_ip_address: Ipv4Addr,
    primary: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipv6AddressXml {
    ipv6_address: Ipv6Addr,
    is_primary_ipv6: bool,
}

/// Consecutive instances with the same reservation are shown under it together.
pub(super) fn describe_instances(
    account: &Account,
    page: &Page<(&InstanceId, &Instance)>,
) -> String {
    let mut reservations: Vec<ReservationXml<'_>> = Vec::new();
    for (id, instance) in &page.items {
        let reservation_id = instance.reservation.as_deref().unwrap_or("r-0");
        let shown = instance_xml(account, id, instance);
        match reservations.last_mut() {
            Some(last) if last.reservation_id == reservation_id => {
                last.instances_set.item.push(shown);
            }
            Some(_) | None => reservations.push(ReservationXml {
                reservation_id,
                owner_id: &account.id,
                group_set: Set::empty(),
                instances_set: Set { item: vec![shown] },
            }),
        }
    }
    let answer = Answer {
        namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
        request_id: REQUEST_ID,
        reservation_set: Set { item: reservations },
        next_token: page.next_token.as_deref(),
    };
    let xml = quick_xml::se::to_string(&answer).expect("no map in it has a key that is not text");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}")
}

fn instance_xml<'a>(
    account: &'a Account,
    id: &'a InstanceId,
    instance: &'a Instance,
) -> InstanceXml<'a> {
    let in_network = !instance.is_terminated();
    let address = instance.primary_ipv4();
    let dns_name = address.map(|address| account.private_dns_name(address));
    let tags = instance.tags.iter();
    let interfaces = instance.shown_interfaces().iter();
    InstanceXml {
        instance_id: id.as_str(),
        image_id: "ami-0a1b2c3d4e5f60718",
        instance_state: StateXml {
            code: instance.state.code(),
            name: instance.state.as_str(),
        },
        private_dns_name: dns_name.unwrap_or_default(),
        dns_name: "",
        ami_launch_index: 0,
        product_codes: Set::empty(),
        instance_type: &instance.instance_type,
        launch_time: instance.launched_at.map(iso_8601),
        placement: PlacementXml {
            availability_zone: &instance.availability_zone,
            tenancy: "default",
        },
        monitoring: MonitoringXml { state: "disabled" },
        subnet_id: in_network.then_some(&instance.subnet),
        vpc_id: in_network.then_some(&instance.vpc),
        private_ip_address: address,
        ipv6_address: instance.primary_ipv6(),
        architecture: "arm64",
        root_device_type: "ebs",
        virtualization_type: "hvm",
        tag_set: tags.map(|(key, value)| TagXml { key, value }).collect(),
        hypervisor: "xen",
        network_interface_set: interfaces
            .map(|interface| interface_xml(account, instance, interface))
            .collect(),
        iam_instance_profile: instance
            .profile_arn(&account.id)
            .map(|arn| ProfileXml { arn }),
        ebs_optimized: false,
    }
}

fn interface_xml<'a>(
    account: &'a Account,
    instance: &'a Instance,
    interface: &'a Interface,
) -> InterfaceXml<'a> {
    let first = |n: usize| n == 0;
    let ipv4 = interface.ipv4.iter().enumerate();
    let ipv6 = interface.ipv6.iter().enumerate();
    InterfaceXml {
        network_interface_id: &interface.id,
        subnet_id: &instance.subnet,
        vpc_id: &instance.vpc,
        description: &interface.description,
        owner_id: &account.id,
        status: "in-use",
        private_ip_address: interface.ipv4.first().copied(),
        attachment: AttachmentXml {
            device_index: interface.device_index,
            status: "attached",
            delete_on_termination: true,
            network_card_index: 0,
        },
        private_ip_addresses_set: ipv4
            .map(|(n, address)| PrivateAddressXml {
                private_ip_address: *address,
                primary: first(n),
            })
            .collect(),
        ipv6_addresses_set: ipv6
            .map(|(n, address)| Ipv6AddressXml {
                ipv6_address: *address,
                is_primary_ipv6: first(n),
            })
            .collect(),
        interface_type: "interface",
    }
}

impl<T> Set<T> {
    fn empty() -> Self {
        Self { item: Vec::new() }
    }
}

impl<T> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self {
            item: items.into_iter().collect(),
        }
    }
}
