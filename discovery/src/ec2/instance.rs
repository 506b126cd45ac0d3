//! Judges the instances in an answer. Pure: no calls, no clock.

use std::{collections::BTreeMap, net::IpAddr};

use aws_sdk_ec2::{
    operation::describe_instances::DescribeInstancesOutput,
    primitives::DateTimeFormat,
    types::{Instance, InstanceNetworkInterface, InstanceStateName, InstanceType, Reservation},
};

use crate::{
    config::Ec2TagBased,
    lookup::{DropReason, Dropped, Found, Missing, Target},
    owner::Owner,
};

/// Which services are looked up, by the value of their tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owners(BTreeMap<String, Owner>);

impl Owners {
    /// Those of the settings, or else the looked-up name.
    pub(crate) fn of(settings: &Ec2TagBased, service_name: &str) -> Self {
        let owner = |value: &str| (value.to_owned(), Owner::service(value));
        if settings.tag_values.is_empty() {
            Self(BTreeMap::from([owner(service_name)]))
        } else {
            Self(
                settings
                    .tag_values
                    .iter()
                    .map(|value| owner(value))
                    .collect(),
            )
        }
    }

    /// The values of the tag, in order; at least one.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Adds the content of a page; returns whether there was any.
pub(crate) fn found_in(
    page: &DescribeInstancesOutput,
    settings: &Ec2TagBased,
    owners: &Owners,
    found: &mut Found,
) -> bool {
    let reservations = page.reservations().iter();
    let mut any = false;
    for instance in reservations.flat_map(Reservation::instances) {
        any = true;
        let id = instance.instance_id().unwrap_or("unknown").to_owned();
        match peer(instance, settings, owners) {
            Ok((address, owner)) => {
                let target = |port| Target {
                    address,
                    port,
                    id: id.clone(),
                    owner: Some(owner.clone()),
                    metadata: metadata(instance),
                };
                if settings.ports.is_empty() {
                    found.targets.push(target(None));
                }
                let ports = settings.ports.iter();
                found.targets.extend(ports.map(|port| target(Some(port))));
            }
            Err(reason) => found.dropped.push(Dropped { id, reason }),
        }
    }
    any
}

/// Checks the filters again: not every endpoint with this API obeys them.
fn peer<'a>(
    instance: &Instance,
    settings: &Ec2TagBased,
    owners: &'a Owners,
) -> Result<(IpAddr, &'a Owner), DropReason> {
    let state = instance.state().and_then(|state| state.name());
    match state {
        Some(InstanceStateName::Running) | None => {}
        Some(other) => return Err(DropReason::NotRunning(other.as_str().to_owned())),
    }
    let mut tags = instance.tags().iter();
    let tag = tags.find(|tag| tag.key() == Some(&settings.tag_key));
    let owner = tag.and_then(|tag| owners.0.get(tag.value().unwrap_or("")));
    let Some(owner) = owner else {
        return Err(DropReason::TagMismatch(settings.tag_key.clone()));
    };
    let family = settings.address_family;
    let chosen = family.choose(ipv4(instance), ipv6(instance));
    match chosen {
        Ok(address) => Ok((address, owner)),
        Err(instead) => Err(DropReason::NoAddress {
            wanted: family.wanted().to_owned(),
            missing: instead.map_or(Missing::Yet, Missing::Only),
        }),
    }
}

/// Only device 0: on ECS container instances, the other interfaces belong to tasks.
fn primary(instance: &Instance) -> Option<&InstanceNetworkInterface> {
    instance.network_interfaces().iter().find(|interface| {
        let attachment = interface.attachment();
        attachment.is_some_and(|attachment| attachment.device_index() == Some(0))
    })
}

/// The instance's own field is by definition the primary address of device 0.
fn ipv4(instance: &Instance) -> Option<IpAddr> {
    let interface = primary(instance);
    let marked = interface.and_then(|interface| {
        let mut addresses = interface.private_ip_addresses().iter();
        addresses.find(|address| address.primary() == Some(true))
    });
    marked
        .and_then(|address| parse(address.private_ip_address()))
        .or_else(|| interface.and_then(|it| parse(it.private_ip_address())))
        .or_else(|| parse(instance.private_ip_address()))
        .filter(IpAddr::is_ipv4)
}

fn ipv6(instance: &Instance) -> Option<IpAddr> {
    let addresses = primary(instance).map_or(&[][..], |interface| interface.ipv6_addresses());
    addresses
        .iter()
        .find(|address| address.is_primary_ipv6() == Some(true))
        .or_else(|| addresses.first())
        .and_then(|address| parse(address.ipv6_address()))
        .or_else(|| parse(instance.ipv6_address()))
        .filter(IpAddr::is_ipv6)
}

fn parse(text: Option<&str>) -> Option<IpAddr> {
    let address: IpAddr = text?.parse().ok()?;
    (!address.is_unspecified()).then_some(address)
}

fn metadata(instance: &Instance) -> BTreeMap<String, String> {
    let placement = instance.placement();
    let launched_at = instance
        .launch_time()
        .and_then(|at| at.fmt(DateTimeFormat::DateTime).ok());
    let fields = [
        (
            "availability-zone",
            placement.and_then(|placement| placement.availability_zone()),
        ),
        ("image", instance.image_id()),
        (
            "instance-type",
            instance.instance_type().map(InstanceType::as_str),
        ),
        ("started-at", launched_at.as_deref()),
        ("subnet", instance.subnet_id()),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
    let tags = instance.tags().iter().filter_map(|tag| {
        let value = tag.value().unwrap_or_default().to_owned();
        Some((format!("tag:{}", tag.key()?), value))
    });
    fields.chain(tags).collect()
}

#[cfg(test)]
mod tests;
