//! `aws-api-ec2-tag-based`: which instances are peers, and at which addresses and ports.

use std::{net::Ipv4Addr, time::Duration};

use discovery::{
    Completeness, Error, Lookup,
    config::{AddressFamily, Filters},
};
use region::{Action, Fault, Instance, InstanceState, Interface, Region};

use crate::support::{Script, addresses, ask, calls, dropped, ec2, look, reasons};

#[tokio::test]
async fn running_instances_with_the_tag_are_found_and_no_others() {
    let region = Region::start().await;
    region.edit(|account| {
        account.run_instance(order(1));
        account.run_instance(order(2));
        account.run_instance(Instance::running().at(ip(3)));
        account.run_instance(
            Instance::running()
                .at(ip(4))
                .tag("service", "orders-internal"),
        );
        account.run_instance(Instance::running().at(ip(5)).tag("Service", "orders"));
        for state in [
            InstanceState::Pending,
            InstanceState::ShuttingDown,
            InstanceState::Stopping,
            InstanceState::Stopped,
            InstanceState::Terminated,
        ] {
            account.run_instance(order(6).state(state));
        }
    });
    let resolved = look(&ec2(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2"]);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(resolved.dropped, []);
    assert_eq!(calls(&resolved), [("DescribeInstances", 1)]);
}

#[tokio::test]
async fn the_state_and_the_tag_are_filtered_before_the_users_own_filters() {
    let region = Region::start().await;
    let discovery = ec2(&region, |ec2| {
        "team".clone_into(&mut ec2.tag_key);
        ec2.filters = "instance-type=m1.small;tag:purpose=a=b".parse().unwrap();
    });
    look(&discovery.await, "orders").await;
    let calls = region.calls();
    let call = calls.of(Action::DescribeInstances).next().unwrap();
    for (field, value) in [
        ("Filter.1.Name", "instance-state-name"),
        ("Filter.1.Value.1", "running"),
        ("Filter.2.Name", "tag:team"),
        ("Filter.2.Value.1", "orders"),
        ("Filter.3.Name", "instance-type"),
        ("Filter.3.Value.1", "m1.small"),
        ("Filter.4.Name", "tag:purpose"),
        ("Filter.4.Value.1", "a=b"),
        ("MaxResults", "1000"),
    ] {
        assert_eq!(call.parameters[field], value, "{field}");
    }
}

#[tokio::test]
async fn several_values_of_a_filter_match_any_and_several_filters_match_all() {
    let region = Region::start().await;
    region.edit(|account| {
        account.run_instance(order(1).of_type("m1.small").tag("stage", "prod"));
        account.run_instance(order(2).of_type("m1.large").tag("stage", "prod"));
        account.run_instance(order(3).of_type("m1.large").tag("stage", "test"));
        account.run_instance(order(4).of_type("m1.huge").tag("stage", "prod"));
    });
    let structured = [
        ("instance-type", vec!["m1.small", "m1.large"]),
        ("tag:stage", vec!["prod"]),
    ];
    let structured = structured.map(|(name, values)| {
        let values = values.into_iter().map(str::to_owned).collect();
        (name.to_owned(), values)
    });
    let structured = Filters::new(structured.into()).unwrap();
    let text: Filters = "instance-type=m1.small;tag:stage=prod;instance-type=m1.large"
        .parse()
        .unwrap();
    for filters in [structured, text] {
        let discovery = ec2(&region, |ec2| ec2.filters = filters).await;
        let resolved = look(&discovery, "orders").await;
        assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2"]);
    }
}

#[tokio::test]
async fn a_service_name_with_a_wildcard_finds_nobody_else() {
    let region = Region::start().await;
    region.edit(|account| {
        account.run_instance(order(1));
        account.run_instance(Instance::running().at(ip(2)).tag("service", "order*"));
    });
    let resolved = look(&ec2(&region, |_| ()).await, "order*").await;
    assert!(!addresses(&resolved).contains(&"10.0.1.1".to_owned()));
}

#[tokio::test]
async fn each_port_is_a_target() {
    let region = Region::start().await;
    region.edit(|account| {
        account.run_instance(order(1));
        account.run_instance(order(2));
    });
    let discovery = ec2(&region, |ec2| ec2.ports = "7626,7625".parse().unwrap()).await;
    assert_eq!(
        addresses(&look(&discovery, "orders").await),
        [
            "10.0.1.1:7625",
            "10.0.1.1:7626",
            "10.0.1.2:7625",
            "10.0.1.2:7626"
        ]
    );
}

#[tokio::test]
async fn every_page_is_read_and_an_empty_page_does_not_end_the_listing() {
    let region = Region::start().await;
    region.edit(|account| {
        for _ in 0..20 {
            account.run_instance(Instance::running().tag("service", "orders"));
        }
    });
    let faults = region.faults();
    faults.add(
        Fault::EmptyPageWithToken
            .on([Action::DescribeInstances])
            .next(1),
    );
    faults.add(Fault::ShortPages(7).on([Action::DescribeInstances]));
    let resolved = look(&ec2(&region, |_| ()).await, "orders").await;
    assert_eq!(resolved.targets.len(), 20);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(calls(&resolved), [("DescribeInstances", 4)]);
}

#[tokio::test]
async fn pages_that_go_in_circles_end_and_are_not_complete() {
    let region = Region::start().await;
    region.edit(|account| {
        for _ in 0..20 {
            account.run_instance(Instance::running().tag("service", "orders"));
        }
    });
    let faults = region.faults();
    faults.add(Fault::ShortPages(7).on([Action::DescribeInstances]));
    faults.add(Fault::RepeatToken.on([Action::DescribeInstances]));
    let resolved = look(&ec2(&region, |_| ()).await, "orders").await;
    assert_eq!(
        reasons(&resolved),
        [
            "the listing ended early: describing the instances with tag `service=orders`: \
             AWS gave the same page token twice"
        ]
    );
}

#[tokio::test]
async fn the_address_is_the_primary_one_of_the_first_device() {
    let region = Region::start().await;
    region.edit(|account| {
        let task_interface = Interface::new(1).at(ip(9)).described("a task's");
        let own = Interface::new(0).at(ip(1)).at(ip(8));
        let instance = Instance::running().tag("service", "orders");
        account.run_instance(instance.interface(task_interface).interface(own));
    });
    let resolved = look(&ec2(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
}

#[tokio::test]
async fn ipv6_is_given_where_it_is_asked_for_and_an_instance_without_it_is_dropped() {
    let region = Region::start().await;
    let bare = region.edit(|account| {
        let both = Interface::new(0)
            .at(ip(1))
            .at_v6("2001:db8::1".parse().unwrap());
        let instance = Instance::running().tag("service", "orders");
        account.run_instance(instance.interface(both));
        account.run_instance(order(2))
    });
    let discovery = ec2(&region, |ec2| ec2.address_family = AddressFamily::Ipv6).await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(addresses(&resolved), ["2001:db8::1"]);
    assert_eq!(
        dropped(&resolved),
        [(
            bare.to_string(),
            "no IPv6 address: it has only 10.0.1.2; set address-family to auto or ipv4".to_owned()
        )]
    );
}

#[tokio::test]
async fn a_target_says_who_it_is() {
    let region = Region::start().await;
    let id = region.edit(|account| account.run_instance(order(1).zone("eu-west-1b")));
    let resolved = look(&ec2(&region, |_| ()).await, "orders").await;
    let target = &resolved.targets[0];
    assert_eq!(target.id, id.to_string());
    assert_eq!(target.metadata["availability-zone"], "eu-west-1b");
    assert_eq!(target.metadata["tag:service"], "orders");
}

#[tokio::test]
async fn a_later_page_that_fails_leaves_a_partial_view() {
    let page = |instance: &str, token: &str| {
        let page = format!(
            "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <reservationSet>{instance}</reservationSet>{token}</DescribeInstancesResponse>"
        );
        (200, page.into_bytes())
    };
    let instance = "<item><instancesSet><item><instanceId>i-1</instanceId>\
        <privateIpAddress>10.0.1.1</privateIpAddress>\
        <tagSet><item><key>service</key><value>orders</value></item></tagSet>\
        </item></instancesSet></item>";
    let token = "<nextToken>a</nextToken>";
    let unavailable = "<Response><Errors><Error><Code>Unavailable</Code><Message>later</Message>\
        </Error></Errors><RequestID>1</RequestID></Response>";
    let unavailable = (503, unavailable.as_bytes().to_vec());

    let script = Script::start([(
        "DescribeInstances",
        vec![
            page("", token),
            page(instance, "<nextToken>b</nextToken>"),
            unavailable.clone(),
        ],
    )]);
    let script = script.await;
    let resolved = look(&script.ec2().await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    let [reason] = &reasons(&resolved)[..] else {
        panic!("{resolved:?}")
    };
    assert!(
        reason.contains("the service failed with HTTP status 503"),
        "{reason}"
    );

    // Nothing was learnt of any instance before.
    let script = Script::start([("DescribeInstances", vec![page("", token), unavailable])]);
    let script = script.await;
    let error = ask(&script.ec2().await, "orders").await.unwrap_err();
    assert!(
        matches!(error, Error::ServerFault { status: 503, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_without_its_list_is_an_error_and_not_an_empty_service() {
    for body in [
        "",
        "<DescribeInstancesResponse/>",
        "<DescribeInstancesResponse></DescribeInstancesResponse>",
        "<html><body>Sign in to the network</body></html>",
        "{}",
    ] {
        let answer = (200, body.as_bytes().to_vec());
        let script = Script::start([("DescribeInstances", vec![answer])]).await;
        let error = ask(&script.ec2().await, "orders").await.unwrap_err();
        assert!(
            matches!(error, Error::Undecodable { .. }),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_lookup_ends_when_its_time_is_up() {
    let region = Region::start().await;
    region.edit(|account| account.run_instance(order(1)));
    region
        .faults()
        .add(Fault::NoAnswer.on([Action::DescribeInstances]));
    let discovery = ec2(&region, |_| ()).await;
    let started = tokio::time::Instant::now();
    let lookup = Lookup::new("orders");
    let error = discovery
        .lookup(&lookup, Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(
        error.to_string(),
        "describing the instances with tag `service=orders`: no answer within 300ms"
    );
}

#[tokio::test]
async fn the_time_is_that_of_all_pages_together() {
    let region = Region::start().await;
    region.edit(|account| {
        for _ in 0..100 {
            account.run_instance(Instance::running().tag("service", "orders"));
        }
    });
    let faults = region.faults();
    faults.add(Fault::ShortPages(5).on([Action::DescribeInstances]));
    faults.add(Fault::Delay(Duration::from_millis(200)).on([Action::DescribeInstances]));
    let discovery = ec2(&region, |_| ()).await;
    let lookup = Lookup::new("orders");
    let started = tokio::time::Instant::now();
    let resolved = discovery.lookup(&lookup, Duration::from_millis(900)).await;
    assert!(started.elapsed() < Duration::from_secs(2));
    let resolved = resolved.unwrap();
    assert!(resolved.targets.len() < 100);
    assert_eq!(
        reasons(&resolved),
        [
            "the listing ended early: describing the instances with tag `service=orders`: \
             no answer within 900ms"
        ]
    );
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, last)
}

fn order(last: u8) -> Instance {
    Instance::running().at(ip(last)).tag("service", "orders")
}
