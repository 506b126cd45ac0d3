use aws_sdk_ec2::types::{
    InstanceIpv6Address, InstanceNetworkInterfaceAttachment, InstancePrivateIpAddress,
    InstanceState, Tag, builders::InstanceBuilder,
};

use super::*;
use crate::config::AddressFamily;

#[test]
fn every_instance_of_every_reservation_is_a_target() {
    let page = DescribeInstancesOutput::builder()
        .reservations(
            Reservation::builder()
                .instances(running("i-1").private_ip_address("10.0.0.1").build())
                .instances(running("i-2").private_ip_address("10.0.0.2").build())
                .build(),
        )
        .reservations(Reservation::builder().build())
        .reservations(
            Reservation::builder()
                .instances(running("i-3").private_ip_address("10.0.0.3").build())
                .build(),
        )
        .build();
    let mut found = Found::default();
    assert!(found_in(&page, &by_tag(), &demo(), &mut found));
    let ids: Vec<&str> = found.targets.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2", "i-3"]);
    assert!(found.dropped.is_empty() && found.partial.is_empty());
}

#[test]
fn of_several_services_each_instance_says_whose_it_is() {
    let mut settings = by_tag();
    settings.tag_values = ["demo", "other"].map(str::to_owned).into();
    let found = found(&settings, running("i-1").private_ip_address("10.0.0.1"));
    assert_eq!(found.targets[0].owner, Some(Owner::service("demo")));
    settings.tag_values = ["other".to_owned()].into();
    assert_eq!(
        address(&settings, running("i-1").private_ip_address("10.0.0.1")),
        Err("tag service does not match".to_owned())
    );
}

#[test]
fn an_empty_page_holds_nothing() {
    let page = DescribeInstancesOutput::builder().build();
    assert!(!found_in(&page, &by_tag(), &demo(), &mut Found::default()));
}

#[test]
fn each_port_is_a_target_of_its_own() {
    let settings = Ec2TagBased {
        ports: "7626,7627".parse().unwrap(),
        ..by_tag()
    };
    let found = found(&settings, running("i-1").private_ip_address("10.0.0.1"));
    let ports: Vec<Option<u16>> = found.targets.iter().map(|it| it.port).collect();
    assert_eq!(ports, [Some(7626), Some(7627)]);
}

#[test]
fn the_address_is_the_primary_one_of_device_0() {
    let interfaces = [
        interface(1, "10.0.9.1", &[("10.0.9.1", true)]),
        interface(0, "10.0.0.8", &[("10.0.0.9", false), ("10.0.0.7", true)]),
    ];
    assert_eq!(
        address(&by_tag(), with(&interfaces)),
        Ok("10.0.0.7".to_owned())
    );
    let interfaces = [interface(0, "10.0.0.8", &[])];
    assert_eq!(
        address(&by_tag(), with(&interfaces)),
        Ok("10.0.0.8".to_owned())
    );
}

#[test]
fn without_interfaces_the_instances_own_field_counts() {
    let instance = running("i-1").private_ip_address("10.0.0.1");
    assert_eq!(address(&by_tag(), instance), Ok("10.0.0.1".to_owned()));
}

#[test]
fn ipv6_is_the_primary_or_the_first_of_device_0() {
    let settings = Ec2TagBased {
        address_family: AddressFamily::Ipv6,
        ..by_tag()
    };
    let with_ipv6 = |addresses: &[(&str, bool)]| {
        let addresses = addresses.iter().map(|(address, primary)| {
            InstanceIpv6Address::builder()
                .ipv6_address(*address)
                .is_primary_ipv6(*primary)
                .build()
        });
        let interface = InstanceNetworkInterface::builder()
            .attachment(attachment(0))
            .private_ip_address("10.0.0.1")
            .set_ipv6_addresses(Some(addresses.collect()));
        with(&[interface.build()])
    };
    assert_eq!(
        address(
            &settings,
            with_ipv6(&[("fd00::2", false), ("fd00::1", true)])
        ),
        Ok("fd00::1".to_owned())
    );
    assert_eq!(
        address(&settings, with_ipv6(&[("fd00::2", false)])),
        Ok("fd00::2".to_owned())
    );
    assert_eq!(
        address(&settings, running("i-1").ipv6_address("fd00::3")),
        Ok("fd00::3".to_owned())
    );
    assert_eq!(
        address(&settings, running("i-1").private_ip_address("10.0.0.1")),
        Err("no IPv6 address: it has only 10.0.0.1; set address-family to auto or ipv4".to_owned())
    );
}

#[test]
fn an_instance_without_an_address_is_dropped_with_the_reason() {
    for instance in [
        running("i-1"),
        running("i-1").private_ip_address(""),
        running("i-1").private_ip_address("0.0.0.0"),
        with(&[InstanceNetworkInterface::builder().build()]),
    ] {
        assert_eq!(address(&by_tag(), instance), Err("no address".to_owned()));
    }
    let only_ipv6 = || running("i-1").ipv6_address("fd00::1");
    assert_eq!(address(&by_tag(), only_ipv6()), Ok("fd00::1".to_owned()));
    let ipv4 = Ec2TagBased {
        address_family: AddressFamily::Ipv4,
        ..by_tag()
    };
    assert_eq!(
        address(&ipv4, only_ipv6()),
        Err("no IPv4 address: it has only fd00::1; set address-family to auto or ipv6".to_owned())
    );
}

#[test]
fn what_the_filters_should_have_left_out_is_left_out() {
    for state in [
        InstanceStateName::Pending,
        InstanceStateName::ShuttingDown,
        InstanceStateName::Stopped,
        InstanceStateName::Stopping,
        InstanceStateName::Terminated,
    ] {
        let name = state.as_str().to_owned();
        let instance = running("i-1")
            .private_ip_address("10.0.0.1")
            .state(InstanceState::builder().name(state).build());
        assert_eq!(
            address(&by_tag(), instance),
            Err(format!("state is {name}"))
        );
    }
    let other = running("i-1")
        .private_ip_address("10.0.0.1")
        .set_tags(Some(vec![tag("service", "demo-internal")]));
    assert_eq!(
        address(&by_tag(), other),
        Err("tag service does not match".to_owned())
    );
}

#[test]
fn an_instance_without_any_field_does_not_panic() {
    let found = found(&by_tag(), Instance::builder());
    assert_eq!(found.dropped[0].id, "unknown");
}

fn by_tag() -> Ec2TagBased {
    Ec2TagBased::by_tag("service")
}

fn running(id: &str) -> InstanceBuilder {
    let state = InstanceState::builder().name(InstanceStateName::Running);
    Instance::builder()
        .instance_id(id)
        .state(state.build())
        .tags(tag("service", "demo"))
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn with(interfaces: &[InstanceNetworkInterface]) -> InstanceBuilder {
    running("i-1").set_network_interfaces(Some(interfaces.to_vec()))
}

fn attachment(index: i32) -> InstanceNetworkInterfaceAttachment {
    InstanceNetworkInterfaceAttachment::builder()
        .device_index(index)
        .build()
}

fn interface(index: i32, address: &str, all: &[(&str, bool)]) -> InstanceNetworkInterface {
    let all = all.iter().map(|(address, primary)| {
        InstancePrivateIpAddress::builder()
            .private_ip_address(*address)
            .primary(*primary)
            .build()
    });
    InstanceNetworkInterface::builder()
        .attachment(attachment(index))
        .private_ip_address(address)
        .set_private_ip_addresses(Some(all.collect()))
        .build()
}

fn demo() -> Owners {
    Owners::of(&by_tag(), "demo")
}

fn found(settings: &Ec2TagBased, instance: InstanceBuilder) -> Found {
    let reservation = Reservation::builder().instances(instance.build());
    let page = DescribeInstancesOutput::builder().reservations(reservation.build());
    let mut found = Found::default();
    let owners = Owners::of(settings, "demo");
    found_in(&page.build(), settings, &owners, &mut found);
    found
}

/// The only target's address, or why there is none.
fn address(settings: &Ec2TagBased, instance: InstanceBuilder) -> Result<String, String> {
    let found = found(settings, instance);
    match &found.targets[..] {
        [target] => Ok(target.address.to_string()),
        _ => Err(found.dropped[0].reason.to_string()),
    }
}
