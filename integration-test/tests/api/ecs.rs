//! `aws-api-ecs`: which tasks of a service are peers, and how sure that is.

use std::{net::Ipv4Addr, time::Duration};

use discovery::{Completeness, Error, Lookup, Remedy, config::AddressFamily};
use region::{Action, Fault, Region, Task, TaskArn, TaskStatus};
use serde_json::json;

use crate::support::{Script, addresses, ask, calls, dropped, ecs, look, reasons};

#[tokio::test]
async fn running_tasks_of_the_service_are_found_and_no_others() {
    let region = Region::start().await;
    region.edit(|account| {
        for service in ["orders", "orders-internal", "order"] {
            account.put_service("demo", service, 3);
        }
        account.put_service("other", "orders", 1);
        account.run_task(order(1));
        account.run_task(order(2));
        account.run_task(Task::of_service("demo", "orders-internal").at(ip(3)));
        account.run_task(Task::of_service("demo", "order").at(ip(4)));
        account.run_task(Task::of_service("other", "orders").at(ip(5)));
        account.run_task(Task::standalone("demo", "orders").at(ip(6)));
        let stopped = account.run_task(order(7));
        account.finish_task(&stopped);
    });
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2"]);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(resolved.service_name, "orders");
    assert_eq!(calls(&resolved), [("DescribeTasks", 1), ("ListTasks", 1)]);
}

#[tokio::test]
async fn a_target_says_who_it_is() {
    let region = Region::start().await;
    let task = one(&region, order(1).zone("eu-west-1b").tag("color", "blue"));
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    let target = &resolved.targets[0];
    assert_eq!(target.id, task.as_str());
    assert_eq!(target.port, None);
    assert_eq!(target.metadata["availability-zone"], "eu-west-1b");
    assert_eq!(target.metadata["tag:color"], "blue");
    assert_eq!(target.metadata["last-status"], "RUNNING");
    assert!(target.metadata["started-by"].starts_with("ecs-svc/"));
}

#[tokio::test]
async fn the_cluster_is_named_or_given_by_arn() {
    let region = Region::start().await;
    one(&region, order(1));
    for cluster in ["demo", "arn:aws:ecs:eu-west-1:123456789012:cluster/demo"] {
        let discovery = ecs(&region, |ecs| cluster.clone_into(&mut ecs.cluster)).await;
        assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
    }
}

#[tokio::test]
async fn a_service_without_tasks_is_empty_and_complete_and_nothing_is_described() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 0);
    });
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), [""; 0]);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(calls(&resolved), [("ListTasks", 1)]);
}

#[tokio::test]
async fn every_page_is_read_and_described_by_the_hundred() {
    let region = Region::start().await;
    many(&region, 250);
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(resolved.targets.len(), 250);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(calls(&resolved), [("DescribeTasks", 3), ("ListTasks", 3)]);
    let calls = region.calls();
    for call in calls.of(Action::ListTasks) {
        assert_eq!(call.parameters["maxResults"], 100);
        assert_eq!(call.parameters["serviceName"], "orders");
    }
    for call in calls.of(Action::DescribeTasks) {
        assert_eq!(call.parameters["include"], json!(["TAGS"]));
        assert!(call.parameters["tasks"].as_array().unwrap().len() <= 100);
    }
}

#[tokio::test]
async fn short_and_empty_pages_do_not_end_the_listing() {
    let region = Region::start().await;
    many(&region, 20);
    let faults = region.faults();
    faults.add(Fault::EmptyPageWithToken.on([Action::ListTasks]).next(1));
    faults.add(Fault::ShortPages(7).on([Action::ListTasks]));
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(resolved.targets.len(), 20);
    assert_eq!(resolved.completeness, Completeness::Complete);
    // Short pages are gathered: they cost no more calls to describe than full ones.
    assert_eq!(calls(&resolved), [("DescribeTasks", 1), ("ListTasks", 4)]);
}

#[tokio::test]
async fn a_listing_that_goes_in_circles_ends_and_is_not_complete() {
    let region = Region::start().await;
    many(&region, 20);
    let faults = region.faults();
    faults.add(Fault::ShortPages(7).on([Action::ListTasks]));
    faults.add(Fault::RepeatToken.on([Action::ListTasks]));
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert!(resolved.targets.len() < 20);
    assert_eq!(
        reasons(&resolved),
        [
            "the listing ended early: listing the tasks of service `orders` in cluster `demo`: \
             AWS gave the same page token twice"
        ]
    );
}

#[tokio::test]
async fn a_task_named_on_two_pages_is_one_target() {
    let page = |token: Option<&str>| {
        let page = json!({"taskArns": [arn(1), arn(2)], "nextToken": token});
        (200, page.to_string().into_bytes())
    };
    let script = Script::start([
        ("ListTasks", vec![page(Some("a")), page(None)]),
        ("DescribeTasks", vec![(200, described(&[1, 2]))]),
    ]);
    let script = script.await;
    let resolved = look(&script.ecs().await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2"]);
    assert_eq!(resolved.completeness, Completeness::Complete);
}

#[tokio::test]
async fn a_task_with_sidecars_is_one_target() {
    let region = Region::start().await;
    one(&region, order(1).container("proxy").container("logs"));
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
}

#[tokio::test]
async fn the_chosen_container_tells_the_address() {
    let region = Region::start().await;
    one(&region, order(1).container_at("proxy", ip(9)));
    let named = async |name: &str| {
        let discovery = ecs(&region, |ecs| ecs.container_name = Some(name.to_owned())).await;
        look(&discovery, "orders").await
    };
    assert_eq!(addresses(&named("proxy").await), ["10.0.1.9"]);
    assert_eq!(addresses(&named("node").await), ["10.0.1.1"]);
    let other = named("other").await;
    assert_eq!(addresses(&other), [""; 0]);
    let [reason] = &reasons(&other)[..] else {
        panic!("{other:?}")
    };
    assert!(
        reason.ends_with("has no address of container `other` yet"),
        "{reason}"
    );
}

#[tokio::test]
async fn the_address_is_found_wherever_the_answer_has_it() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 3);
        account.run_task(order(1).without_attachment());
        account.run_task(order(2).without_interfaces());
        account.run_task(order(3).with_service_connect());
    });
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2", "10.0.1.3"]);
}

#[tokio::test]
async fn ipv6_is_given_where_it_is_asked_for() {
    let region = Region::start().await;
    one(&region, order(1).at_v6("2001:db8::1".parse().unwrap()));
    let ipv6 = ecs(&region, |ecs| ecs.address_family = AddressFamily::Ipv6).await;
    assert_eq!(addresses(&look(&ipv6, "orders").await), ["2001:db8::1"]);
    let ipv4 = ecs(&region, |_| ()).await;
    assert_eq!(addresses(&look(&ipv4, "orders").await), ["10.0.1.1"]);
}

#[tokio::test]
async fn a_running_task_without_an_address_yet_makes_the_view_partial() {
    let region = Region::start().await;
    let bare = region.edit(|account| {
        account.put_service("demo", "orders", 2);
        account.run_task(order(1));
        account.run_task(order(2).without_address().status(TaskStatus::Provisioning))
    });
    let discovery = ecs(&region, |_| ()).await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    assert_eq!(
        reasons(&resolved),
        [format!("{bare} is running but has no address yet")]
    );
    assert_eq!(
        dropped(&resolved),
        [(bare.to_string(), "no address".to_owned())]
    );

    region.edit(|account| account.task_mut(&bare).shown.address = true);
    let resolved = look(&discovery, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2"]);
    assert_eq!(resolved.completeness, Completeness::Complete);
}

#[tokio::test]
async fn a_task_that_stops_between_the_calls_is_dropped_and_the_view_stays_complete() {
    let region = Region::start().await;
    let (stopping, gone) = region.edit(|account| {
        account.put_service("demo", "orders", 3);
        account.run_task(order(1));
        (account.run_task(order(2)), account.run_task(order(3)))
    });
    let before = Fault::Stale(region.snapshot());
    region.faults().add(before.on([Action::ListTasks]));
    region.edit(|account| {
        account.stop_task(&stopping);
        account.forget_task(&gone);
    });
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    assert_eq!(resolved.completeness, Completeness::Complete);
    let mut expected = [
        (
            stopping.to_string(),
            "stopping (desired status STOPPED, last status DEACTIVATING)".to_owned(),
        ),
        (
            gone.to_string(),
            "gone: listed, but not found when described".to_owned(),
        ),
    ];
    expected.sort();
    assert_eq!(dropped(&resolved), expected);
}

#[tokio::test]
async fn a_task_must_carry_every_tag_and_may_carry_more() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 5);
        account.run_task(order(1).tag("color", "blue"));
        account.run_task(order(2).tag("color", "blue").tag("stage", "prod"));
        account.run_task(order(3).tag("color", "green").tag("stage", "prod"));
        account.run_task(order(4).tag("stage", "prod"));
        account.run_task(order(5));
    });
    for (tags, expected) in [
        (
            "",
            &["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5"][..],
        ),
        ("color=blue", &["10.0.1.1", "10.0.1.2"]),
        ("color=blue;stage=prod", &["10.0.1.2"]),
        ("color=red", &[]),
        ("colour=blue", &[]),
    ] {
        let discovery = ecs(&region, |ecs| ecs.tags = tags.parse().unwrap()).await;
        let resolved = look(&discovery, "orders").await;
        assert_eq!(addresses(&resolved), expected, "{tags}");
        assert_eq!(resolved.completeness, Completeness::Complete);
        assert_eq!(resolved.targets.len() + resolved.dropped.len(), 5);
    }
}

#[tokio::test]
async fn a_bridge_mode_task_is_an_error_that_says_so() {
    let region = Region::start().await;
    let task = one(&region, order(1).in_bridge_mode());
    let error = ask(&ecs(&region, |_| ()).await, "orders")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{task} has no own address: its network mode is `bridge or host`, expected `awsvpc`"
        )
    );
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
}

#[tokio::test]
async fn a_group_that_cannot_be_described_makes_the_view_partial() {
    let region = Region::start().await;
    many(&region, 150);
    region
        .faults()
        .add(Fault::Throttle.on([Action::DescribeTasks]).next(1));
    let discovery = ecs(&region, |_| ()).await;
    let resolved = look(&discovery, "orders").await;
    assert!([50, 100].contains(&resolved.targets.len()));
    let [reason] = &reasons(&resolved)[..] else {
        panic!("{resolved:?}")
    };
    assert!(
        reason
            .contains("listed tasks were not described: describing the tasks of service `orders`")
            && reason.contains("throttled"),
        "{reason}"
    );
    // What was learnt is kept, so the next lookup goes on from there.
    let resolved = look(&discovery, "orders").await;
    assert_eq!(resolved.targets.len(), 150);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(resolved.calls.of("DescribeTasks"), 1);
}

#[tokio::test]
async fn when_no_group_can_be_described_the_lookup_fails() {
    let region = Region::start().await;
    many(&region, 150);
    region
        .faults()
        .add(Fault::Throttle.on([Action::DescribeTasks]));
    let error = ask(&ecs(&region, |_| ()).await, "orders")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }), "{error}");
}

#[tokio::test]
async fn a_listing_that_breaks_off_leaves_a_partial_view_of_what_was_read() {
    let first = json!({"taskArns": [arn(1)], "nextToken": "a"});
    let fault = json!({"__type": "ServerException", "message": "try again"});
    let script = Script::start([
        (
            "ListTasks",
            vec![
                (200, first.to_string().into_bytes()),
                (500, fault.to_string().into_bytes()),
            ],
        ),
        ("DescribeTasks", vec![(200, described(&[1]))]),
    ]);
    let script = script.await;
    let resolved = look(&script.ecs().await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    let [reason] = &reasons(&resolved)[..] else {
        panic!("{resolved:?}")
    };
    assert!(
        reason.starts_with(
            "the listing ended early: listing the tasks of service `orders` in cluster `demo`: \
             the service failed with HTTP status 500"
        ),
        "{reason}"
    );
}

#[tokio::test]
async fn a_failure_other_than_missing_makes_the_view_partial() {
    let listing = json!({"taskArns": [arn(1), arn(2), arn(3)]});
    let mut answer: serde_json::Value = serde_json::from_slice(&described(&[1])).unwrap();
    answer["failures"] = json!([
        {"arn": arn(2), "reason": "INTERNAL", "detail": "try again"},
        {"arn": arn(3), "reason": "MISSING"},
    ]);
    let script = Script::start([
        ("ListTasks", vec![(200, listing.to_string().into_bytes())]),
        (
            "DescribeTasks",
            vec![(200, answer.to_string().into_bytes())],
        ),
    ]);
    let script = script.await;
    let resolved = look(&script.ecs().await, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    assert_eq!(
        reasons(&resolved),
        [format!(
            "{} was listed but could not be described: INTERNAL: try again",
            arn(2)
        )]
    );
}

#[tokio::test]
async fn an_answer_without_its_list_is_an_error_and_not_an_empty_service() {
    let region = Region::start().await;
    many(&region, 3);
    for fault in [Fault::WithoutMember("taskArns"), Fault::EmptyBody] {
        region.faults().clear();
        region.faults().add(fault.on([Action::ListTasks]));
        let error = ask(&ecs(&region, |_| ()).await, "orders")
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Undecodable { .. }), "{error}");
    }
}

#[tokio::test]
async fn tasks_that_the_answer_leaves_out_make_the_view_partial() {
    let region = Region::start().await;
    many(&region, 3);
    region
        .faults()
        .add(Fault::WithoutMember("tasks").on([Action::DescribeTasks]));
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(resolved.targets, []);
    assert_eq!(reasons(&resolved).len(), 3);
}

#[tokio::test]
async fn a_lookup_ends_when_its_time_is_up() {
    let region = Region::start().await;
    many(&region, 3);
    for action in [Action::ListTasks, Action::DescribeTasks] {
        region.faults().clear();
        region.faults().add(Fault::NoAnswer.on([action]));
        let discovery = ecs(&region, |_| ()).await;
        let started = tokio::time::Instant::now();
        let timeout = Duration::from_millis(300);
        let error = discovery
            .lookup(&Lookup::new("orders"), timeout)
            .await
            .unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(2));
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
        assert_eq!(error.remedy(), Remedy::RetryLater);
        assert!(
            error.to_string().ends_with("no answer within 300ms"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn when_time_is_up_midway_the_view_is_partial() {
    let region = Region::start().await;
    many(&region, 150);
    region
        .faults()
        .add(Fault::NoAnswer.on([Action::DescribeTasks]).next(1));
    let discovery = ecs(&region, |_| ()).await;
    let lookup = Lookup::new("orders");
    let resolved = discovery
        .lookup(&lookup, Duration::from_secs(2))
        .await
        .unwrap();
    assert!([50, 100].contains(&resolved.targets.len()));
    let [reason] = &reasons(&resolved)[..] else {
        panic!("{resolved:?}")
    };
    assert!(reason.ends_with("no answer within 2s"), "{reason}");
}

#[tokio::test]
async fn the_time_is_that_of_all_pages_together() {
    let region = Region::start().await;
    many(&region, 250);
    let faults = region.faults();
    faults.add(Fault::ShortPages(10).on([Action::ListTasks]));
    faults.add(Fault::Delay(Duration::from_millis(200)).on([Action::ListTasks]));
    let discovery = ecs(&region, |_| ()).await;
    let lookup = Lookup::new("orders");
    let started = tokio::time::Instant::now();
    let error = discovery
        .lookup(&lookup, Duration::from_millis(900))
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(
        error.to_string().ends_with("no answer within 900ms"),
        "{error}"
    );
}

#[tokio::test]
async fn the_service_knows_how_many_nodes_are_expected() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 5);
        account.put_service("demo", "idle", 0);
    });
    let discovery = ecs(&region, |_| ()).await;
    let expected = async |discovery: &discovery::Discovery, service: &str| {
        let expected = discovery
            .expected_nodes(service, Duration::from_secs(5))
            .await;
        expected.unwrap().number().map(std::num::NonZeroU32::get)
    };
    assert_eq!(expected(&discovery, "orders").await, Some(5));
    assert_eq!(expected(&discovery, "idle").await, None);
    assert_eq!(expected(&discovery, "unknown").await, None);
    // The count is of all tasks, the tags choose some of them.
    let tagged = ecs(&region, |ecs| ecs.tags = "color=blue".parse().unwrap()).await;
    assert_eq!(expected(&tagged, "orders").await, None);
}

#[tokio::test]
async fn how_many_nodes_are_expected_never_fails_a_lookup() {
    let region = Region::start().await;
    one(&region, order(1));
    region.edit(|account| account.role_mut("task-role").deny("ecs:DescribeServices"));
    let discovery = ecs(&region, |_| ()).await;
    let error = discovery
        .expected_nodes("orders", Duration::from_secs(5))
        .await
        .unwrap_err();
    assert_eq!(error.remedy(), Remedy::FixPermissions);
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, last)
}

fn order(last: u8) -> Task {
    Task::of_service("demo", "orders").at(ip(last))
}

/// The only task of its service.
fn one(region: &Region, task: Task) -> TaskArn {
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(task)
    })
}

fn many(region: &Region, tasks: u32) {
    region.edit(|account| {
        account.put_service("demo", "orders", tasks);
        for _ in 0..tasks {
            account.run_task(Task::of_service("demo", "orders"));
        }
    });
}

fn arn(number: u8) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task/demo/{number:032}")
}

/// An answer of DescribeTasks.
fn described(numbers: &[u8]) -> Vec<u8> {
    let tasks = numbers.iter().map(|number| {
        json!({
            "taskArn": arn(*number),
            "desiredStatus": "RUNNING",
            "lastStatus": "RUNNING",
            "containers": [{"networkInterfaces": [{"privateIpv4Address": ip(*number)}]}],
        })
    });
    let tasks: Vec<_> = tasks.collect();
    json!({"tasks": tasks}).to_string().into_bytes()
}
