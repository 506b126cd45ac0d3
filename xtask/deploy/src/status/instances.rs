//! The instances of an auto-scaling group.

use anyhow::Context;
use aws_sdk_ec2::types::{Filter, Instance, Reservation};

use super::host::Host;
use crate::account::Account;

/// Auto Scaling sets it on each instance that it starts.
const GROUP_TAG: &str = "tag:aws:autoscaling:groupName";

/// As EC2 describes them; those that have ended are left out.
pub(super) async fn of_group(account: &Account, group: &str) -> anyhow::Result<Vec<Host>> {
    let ec2 = aws_sdk_ec2::Client::new(&account.config);
    let of_group = Filter::builder().name(GROUP_TAG).values(group).build();
    let mut pages = ec2
        .describe_instances()
        .filters(of_group)
        .into_paginator()
        .send();
    let mut hosts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.context("describing the instances")?;
        let instances = page.reservations().iter().flat_map(Reservation::instances);
        hosts.extend(instances.filter_map(host));
    }
    Ok(hosts)
}

fn host(instance: &Instance) -> Option<Host> {
    let state = instance.state()?.name()?.as_str();
    let address = instance.private_ip_address();
    (state != "terminated").then(|| Host {
        kind: "instance",
        address: address.and_then(|address| address.parse().ok()),
        state: format!("{state} {}", instance.instance_id().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState, InstanceStateName};

    use super::{super::table::Row, *};

    #[test]
    fn an_instance_is_shown_with_its_address_its_state_and_its_id() {
        let host = host(&instance(InstanceStateName::Running)).unwrap();

        assert_eq!(host.row(), Row::new("instance", "10.76.0.4", "running i-1"));
    }

    #[test]
    fn one_that_has_ended_is_not_shown() {
        assert_eq!(host(&instance(InstanceStateName::Terminated)), None);
        assert!(host(&instance(InstanceStateName::ShuttingDown)).is_some());
    }

    fn instance(state: InstanceStateName) -> Instance {
        Instance::builder()
            .instance_id("i-1")
            .private_ip_address("10.76.0.4")
            .state(InstanceState::builder().name(state).build())
            .build()
    }
}
