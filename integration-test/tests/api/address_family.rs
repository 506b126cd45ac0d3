//! Which address counts: the same for whoever looks a node up and for the node itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use discovery::{
    Resolved,
    config::AddressFamily::{self, Auto, Ipv4, Ipv6},
    container_address,
};
use region::{Instance, Interface, Region, Task};

use crate::support::{chain, dropped, ec2, ecs, look, surroundings};

const IPV4: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 7);
const IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);

/// What somebody has, and what each setting makes of it; none where what is there is refused.
const TABLE: [(bool, bool, [Option<&str>; 3]); 3] = [
    (
        true,
        true,
        [Some("10.0.1.7"), Some("10.0.1.7"), Some("2001:db8::7")],
    ),
    (true, false, [Some("10.0.1.7"), Some("10.0.1.7"), None]),
    (
        false,
        true,
        [Some("2001:db8::7"), None, Some("2001:db8::7")],
    ),
];

const FAMILIES: [AddressFamily; 3] = [Auto, Ipv4, Ipv6];

#[tokio::test]
async fn a_task_is_listed_by_the_address_that_it_takes_for_its_own() {
    for (ipv4, ipv6, chosen) in TABLE {
        let region = Region::start().await;
        let own = region.edit(|account| {
            account.put_service("demo", "orders", 1);
            let mut task = Task::of_service("demo", "orders");
            task.ipv4 = ipv4.then_some(IPV4);
            task.ipv6 = ipv6.then_some(IPV6);
            account.run_task(task)
        });
        let surroundings = surroundings(&region.task_environment(&own));
        for (family, chosen) in FAMILIES.into_iter().zip(chosen) {
            let discovery = ecs(&region, |ecs| ecs.address_family = family).await;
            let listed = look(&discovery, "orders").await;
            let own = container_address(&surroundings, family).await;
            agree(family, &listed, own, chosen);
        }
    }
}

#[tokio::test]
async fn an_instance_is_listed_by_the_address_that_it_takes_for_its_own() {
    for (ipv4, ipv6, chosen) in TABLE {
        let region = Region::start().await;
        let own = region.edit(|account| {
            let mut interface = Interface::new(0);
            if ipv4 {
                interface = interface.at(IPV4);
            }
            if ipv6 {
                interface = interface.at_v6(IPV6);
            }
            let instance = Instance::running().tag("service", "orders");
            account.run_instance(instance.interface(interface))
        });
        let surroundings = surroundings(&region.instance_environment(&own));
        for (family, chosen) in FAMILIES.into_iter().zip(chosen) {
            let discovery = ec2(&region, |ec2| ec2.address_family = family).await;
            let listed = look(&discovery, "orders").await;
            let own = container_address(&surroundings, family).await;
            agree(family, &listed, own, chosen);
        }
    }
}

#[track_caller]
fn agree(
    family: AddressFamily,
    listed: &Resolved,
    own: Result<discovery::OwnAddress, discovery::Error>,
    chosen: Option<&str>,
) {
    let targets: Vec<_> = listed.targets.iter().map(|it| it.address).collect();
    match chosen {
        Some(chosen) => {
            let chosen: std::net::IpAddr = chosen.parse().unwrap();
            assert_eq!(targets, [chosen], "{family}");
            assert_eq!(own.unwrap().address, chosen, "{family}");
        }
        None => {
            assert_eq!(targets, [] as [std::net::IpAddr; 0], "{family}");
            // Both say what is there instead, and what would take it.
            let (instead, setting) = match family {
                Ipv6 => (IPV4.to_string(), "address-family to auto or ipv4"),
                Ipv4 | Auto => (IPV6.to_string(), "address-family to auto or ipv6"),
            };
            for said in [&dropped(listed)[0].1, &chain(&own.unwrap_err())] {
                assert!(said.contains(&instead), "{said}");
                assert!(said.contains(setting), "{said}");
            }
        }
    }
}
