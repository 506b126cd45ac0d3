//! How many nodes are expected on EC2: what the Auto Scaling groups of the instances mean to run.

use std::{net::Ipv4Addr, num::NonZeroU32, time::Duration};

use discovery::{Discovery, Error, ExpectedNodes, Extent, Lookup, Remedy, WhyUnknown};
use region::{Action, Fault, Instance, Region};

use crate::support::{PATIENCE, Script, addresses, chain, ec2, look};

#[tokio::test]
async fn it_is_the_desired_capacity_of_the_group_as_it_is_now() {
    let region = with_group(5).await;
    let discovery = ec2(&region, |_| ()).await;
    assert_eq!(number(&discovery).await, Some(5));
    region.edit(|account| {
        account
            .put_auto_scaling_group("orders-group", 8)
            .desired_capacity
    });
    assert_eq!(number(&discovery).await, Some(8));

    let calls = region.calls();
    let named = "AutoScalingGroupNames.member.1";
    for call in calls.of(Action::DescribeAutoScalingGroups) {
        assert_eq!(call.parameters[named], "orders-group");
    }
    // The groups are learnt with the instances, and not each time.
    assert_eq!(calls.count(Action::DescribeInstances), 1);
}

#[tokio::test]
async fn every_port_of_every_instance_is_a_node() {
    let region = with_group(3).await;
    let discovery = ec2(&region, |ec2| ec2.ports = "7626,7627".parse().unwrap()).await;
    assert_eq!(number(&discovery).await, Some(6));
}

#[tokio::test]
async fn groups_that_share_a_service_add_up() {
    let region = with_group(3).await;
    region.edit(|account| {
        account.put_auto_scaling_group("other-group", 4);
        account.run_instance(order(9).in_group("other-group"));
        // Of another service, whatever group it is in.
        account.put_auto_scaling_group("payments", 7);
        let payments = Instance::running().tag("service", "payments");
        account.run_instance(payments.in_group("payments"));
    });
    let discovery = ec2(&region, |_| ()).await;
    assert_eq!(number(&discovery).await, Some(7));
}

#[tokio::test]
async fn an_instance_in_no_group_leaves_it_unknown_and_is_named() {
    let region = with_group(3).await;
    let alone = region.edit(|account| account.run_instance(order(9)));
    let discovery = ec2(&region, |_| ()).await;
    let why = unknown(&discovery).await;
    assert_eq!(why, WhyUnknown::NoGroup(alone.to_string()));
    assert!(!why.is_final());
    assert_eq!(
        why.to_string(),
        format!(
            "instance {alone} belongs to no Auto Scaling group: it has no tag \
             `aws:autoscaling:groupName`"
        )
    );
    let asked = region.calls().count(Action::DescribeAutoScalingGroups);
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn what_is_not_there_yet_leaves_it_unknown_for_now() {
    let region = Region::start().await;
    let discovery = ec2(&region, |_| ()).await;
    assert_eq!(
        unknown(&discovery).await,
        WhyUnknown::NobodyListed("orders".to_owned())
    );

    region.edit(|account| account.run_instance(order(1).in_group("orders-group")));
    look(&discovery, "orders").await;
    let no_such_group = WhyUnknown::NoSuchGroup("orders-group".to_owned());
    assert_eq!(unknown(&discovery).await, no_such_group);

    region.edit(|account| {
        account
            .put_auto_scaling_group("orders-group", 0)
            .desired_capacity
    });
    assert_eq!(unknown(&discovery).await, WhyUnknown::NoneWanted);
}

#[tokio::test]
async fn capacity_in_processors_is_no_number_of_nodes() {
    let region = with_group(8).await;
    region.edit(|account| {
        account
            .put_auto_scaling_group("orders-group", 8)
            .desired_capacity_type = Some("vcpu");
    });
    let why = unknown(&ec2(&region, |_| ()).await).await;
    assert_eq!(
        why.to_string(),
        "the desired capacity of the Auto Scaling group `orders-group` is not counted in \
         instances, but in vcpu"
    );
}

#[tokio::test]
async fn a_denial_names_the_action_and_fails_no_lookup() {
    let region = with_group(3).await;
    region.edit(|account| {
        let role = account.role_mut("task-role");
        role.deny("autoscaling:DescribeAutoScalingGroups");
    });
    let discovery = ec2(&region, |_| ()).await;
    let error = ask(&discovery).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::FixPermissions);
    assert_eq!(
        error.to_string(),
        "describing the Auto Scaling group `orders-group`: not authorized to perform \
         autoscaling:DescribeAutoScalingGroups"
    );
    assert_eq!(addresses(&look(&discovery, "orders").await).len(), 1);
}

#[tokio::test]
async fn what_passes_is_told_from_what_does_not() {
    let region = with_group(3).await;
    let discovery = ec2(&region, |_| ()).await;
    look(&discovery, "orders").await;
    let only = [Action::DescribeAutoScalingGroups];

    region.faults().add(Fault::Throttle.on(only).next(1));
    let error = ask(&discovery).await.unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }), "{error}");
    assert!(chain(&error).contains("Throttling: Rate exceeded"));

    let (status, code) = (500, "InternalFailure");
    region
        .faults()
        .add(Fault::Error { status, code }.on(only).next(1));
    let error = ask(&discovery).await.unwrap_err();
    assert!(
        matches!(error, Error::ServerFault { status: 500, .. }),
        "{error}"
    );

    region.edit(region::Account::expire_credentials);
    let error = ask(&discovery).await.unwrap_err();
    assert!(
        matches!(error, Error::CredentialsRejected { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn it_ends_when_its_time_is_up() {
    let region = with_group(3).await;
    for silent in [Action::DescribeAutoScalingGroups, Action::DescribeInstances] {
        region.faults().clear();
        region.faults().add(Fault::NoAnswer.on([silent]));
        let discovery = ec2(&region, |_| ()).await;
        let started = tokio::time::Instant::now();
        let asking = discovery.expected_nodes("orders", Duration::from_millis(300));
        let error = asking.await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(2));
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_lookup_that_is_under_way_tells_the_group() {
    let region = with_group(3).await;
    let discovery = ec2(&region, |_| ()).await;
    let lookup = Lookup::new("orders");
    let (found, expected) = tokio::join!(
        discovery.lookup(&lookup, PATIENCE),
        discovery.expected_nodes("orders", PATIENCE)
    );
    assert!(found.unwrap().completeness.is_complete());
    assert_eq!(expected.unwrap().number(), NonZeroU32::new(3));
    assert_eq!(region.calls().count(Action::DescribeInstances), 1);
}

#[tokio::test]
async fn a_part_of_the_list_gives_no_number_and_is_read_as_a_whole() {
    let region = with_group(3).await;
    region.edit(|account| {
        account.put_auto_scaling_group("other-group", 4);
        account.run_instance(order(9).in_group("other-group"));
    });
    region
        .faults()
        .add(Fault::ShortPages(1).on([Action::DescribeInstances]));
    let mut first_page = Lookup::new("orders");
    first_page.extent = Extent::FirstPage;
    let discovery = ec2(&region, |_| ()).await;
    let seen = async || Box::pin(discovery.lookup(&first_page, PATIENCE)).await;
    assert!(!seen().await.unwrap().completeness.is_complete());
    let listed = || region.calls().count(Action::DescribeInstances);
    assert_eq!(listed(), 1);
    assert_eq!(number(&discovery).await, Some(7));
    let (before, pages) = (listed(), 2);
    assert!(pages < before);
    // That list stands behind the parts that are read afterwards.
    seen().await.unwrap();
    assert_eq!(number(&discovery).await, Some(7));
    assert_eq!(listed(), before + 1);
}

#[tokio::test]
async fn a_list_that_ends_early_gives_no_number() {
    for group in [
        "<item><key>aws:autoscaling:groupName</key><value>g</value></item>",
        "",
    ] {
        let page = format!(
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>\
            <instanceId>i-1</instanceId><privateIpAddress>10.0.1.1</privateIpAddress><tagSet>\
            <item><key>service</key><value>orders</value></item>{group}\
            </tagSet></item></instancesSet></item></reservationSet><nextToken>more</nextToken>\
            </DescribeInstancesResponse>"
        );
        let pages = vec![(200, page.into_bytes()), (500, Vec::new())];
        let script = Script::start([("DescribeInstances", pages)]).await;
        let why = unknown(&script.ec2().await).await;
        assert_eq!(why, WhyUnknown::PartialList);
    }
}

#[tokio::test]
async fn many_groups_are_asked_for_in_one_call_and_on_short_pages_all_the_same() {
    let region = Region::start().await;
    region.edit(|account| {
        for n in 1..=60 {
            let name = format!("group-{n}");
            account.put_auto_scaling_group(&name, 2);
            account.run_instance(order(n).in_group(&name));
        }
    });
    let discovery = ec2(&region, |_| ()).await;
    assert_eq!(number(&discovery).await, Some(120));
    let asked = || region.calls().count(Action::DescribeAutoScalingGroups);
    assert_eq!(asked(), 1);
    let only = [Action::DescribeAutoScalingGroups];
    region.faults().add(Fault::ShortPages(25).on(only));
    assert_eq!(number(&discovery).await, Some(120));
    assert_eq!(asked(), 4);
    region.faults().add(Fault::RepeatToken.on(only));
    let error = ask(&discovery).await.unwrap_err();
    assert!(matches!(error, Error::RepeatedPage { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_never_another_number() {
    let instance = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>\
        <instanceId>i-1</instanceId><privateIpAddress>10.0.1.1</privateIpAddress><tagSet>\
        <item><key>service</key><value>orders</value></item>\
        <item><key>aws:autoscaling:groupName</key><value>g</value></item>\
        </tagSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
    let group = "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult>\
        <AutoScalingGroups><member><AutoScalingGroupName>g</AutoScalingGroupName>\
        <DesiredCapacity>12</DesiredCapacity></member></AutoScalingGroups>\
        </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>";
    let whole = |text: &str| (200, text.as_bytes().to_vec());
    for end in 0..=group.len() {
        let script = Script::start([
            ("DescribeInstances", vec![whole(instance)]),
            ("DescribeAutoScalingGroups", vec![whole(&group[..end])]),
        ]);
        match ask(&script.await.ec2().await).await {
            Ok(known) => {
                assert_eq!(end, group.len(), "{known:?}");
                assert_eq!(known.number(), NonZeroU32::new(12));
            }
            Err(error) => assert_eq!(error.remedy(), Remedy::RetryLater, "{end}: {error}"),
        }
    }
}

/// A region in which one instance runs, and its group means to run so many.
async fn with_group(desired: u32) -> Region {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_auto_scaling_group("orders-group", desired);
        account.run_instance(order(1).in_group("orders-group"));
    });
    region
}

fn order(last: u8) -> Instance {
    let instance = Instance::running().at(Ipv4Addr::new(10, 0, 1, last));
    instance.tag("service", "orders")
}

async fn ask(discovery: &Discovery) -> Result<ExpectedNodes, Error> {
    Box::pin(discovery.expected_nodes("orders", PATIENCE)).await
}

async fn number(discovery: &Discovery) -> Option<u32> {
    let expected = ask(discovery).await.unwrap();
    expected.number().map(NonZeroU32::get)
}

async fn unknown(discovery: &Discovery) -> WhyUnknown {
    match ask(discovery).await.unwrap() {
        ExpectedNodes::Unknown(why) => why,
        ExpectedNodes::Known(number) => panic!("{number}"),
    }
}
