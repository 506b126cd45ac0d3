//! Several services that are peers of each other: in one ECS cluster or more, or under several values of a tag.

use std::{net::Ipv4Addr, num::NonZeroU32};

use discovery::{
    Completeness, Discovery, Error, ExpectedNodes, Extent, Lookup, Owner, Pace, PartialReason,
    Remedy, Resolved, WhyUnknown, config::Settings,
};
use region::{Action, Fault, Instance, Region, Task};

use crate::support::{PATIENCE, addresses, ask, calls, ec2, ecs, look, reasons};

/// `api` and `batch` in the cluster `demo`, and `batch` in `workers`; one task each, and others' tasks besides.
async fn region() -> Region {
    let region = Region::start().await;
    region.edit(|account| {
        for (cluster, service, last) in [
            ("demo", "api", 1),
            ("demo", "batch", 2),
            ("workers", "batch", 3),
            ("workers", "api", 4),
            ("demo", "orders", 5),
        ] {
            account.put_service(cluster, service, u32::from(last));
            account.run_task(Task::of_service(cluster, service).at(ip(last)));
        }
    });
    region
}

async fn several(region: &Region, services: &str) -> Discovery {
    ecs(region, |ecs| ecs.services = services.parse().unwrap()).await
}

async fn number(discovery: &Discovery) -> ExpectedNodes {
    discovery.expected_nodes("orders", PATIENCE).await.unwrap()
}

fn owners(resolved: &Resolved) -> Vec<String> {
    let owners = resolved.targets.iter().map(|it| it.owner.clone().unwrap());
    owners
        .map(
            |Owner {
                 service, cluster, ..
             }| match cluster {
                Some(cluster) => format!("{cluster}/{service}"),
                None => service.to_string(),
            },
        )
        .collect()
}

#[tokio::test]
async fn the_tasks_of_all_services_are_found_each_in_its_own_cluster_and_say_whose_they_are() {
    let region = region().await;
    let discovery = several(&region, "api,workers/batch").await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.3"]);
    assert_eq!(owners(&resolved), ["demo/api", "workers/batch"]);
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(resolved.service_name, "orders");
    assert_eq!(calls(&resolved), [("DescribeTasks", 2), ("ListTasks", 2)]);

    // A refresh is the lists alone, as of one service.
    let again = look(&discovery, "orders").await;
    assert_eq!(again, resolved);
    assert_eq!(calls(&again), [("ListTasks", 2)]);
}

#[tokio::test]
async fn one_service_says_whose_its_tasks_are_too() {
    let region = region().await;
    let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/demo";
    for cluster in ["demo", arn] {
        let discovery = ecs(&region, |ecs| cluster.clone_into(&mut ecs.cluster)).await;
        assert_eq!(owners(&look(&discovery, "api").await), ["demo/api"]);
    }
}

#[tokio::test]
async fn services_of_one_name_in_two_clusters_are_not_taken_for_each_other() {
    let region = region().await;
    let discovery = several(&region, "batch,workers/batch").await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(owners(&resolved), ["demo/batch", "workers/batch"]);
    assert_eq!(look(&discovery, "orders").await, resolved);
}

#[tokio::test]
async fn the_view_is_complete_when_that_of_each_service_is() {
    let region = region().await;
    let discovery = several(&region, "api,batch").await;
    let fails = Fault::Error {
        status: 500,
        code: "ServerException",
    };
    region
        .faults()
        .add(fails.on([Action::DescribeTasks]).next(1));
    let resolved = look(&discovery, "orders").await;
    assert_eq!(resolved.targets.len(), 1);
    let [reason] = resolved.completeness.reasons() else {
        panic!("{resolved:?}");
    };
    assert_eq!(reason.label(), "service-failed");
    let PartialReason::ServiceFailed { remedy, .. } = reason else {
        panic!("{reason:?}");
    };
    assert_eq!(*remedy, Remedy::RetryLater);
    let [reason] = &reasons(&resolved)[..] else {
        panic!("{resolved:?}");
    };
    let told = "the service demo/";
    assert!(reason.starts_with(told), "{reason}");
    assert!(reason.contains("HTTP status 500"), "{reason}");
    assert_eq!(
        look(&discovery, "orders").await.completeness,
        Completeness::Complete
    );
}

#[tokio::test]
async fn a_service_that_is_not_there_leaves_the_view_partial_and_the_number_unknown() {
    let region = region().await;
    let discovery = several(&region, "api,payments").await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    assert_eq!(
        reasons(&resolved),
        [
            "the service demo/payments could not be listed: listing the tasks of service \
             `payments` in cluster `demo`: there is no such service in this cluster: \
             ServiceNotFoundException: Service not found."
        ]
    );
    let why = WhyUnknown::NoSuchService("demo/payments".to_owned());
    assert_eq!(number(&discovery).await, ExpectedNodes::Unknown(why));
}

#[tokio::test]
async fn where_nothing_is_known_of_any_the_error_is_that_of_the_first() {
    let region = region().await;
    region.edit(|account| account.role_mut("task-role").deny("ecs:ListTasks"));
    let error = ask(&several(&region, "workers/batch,api").await, "orders").await;
    let error = error.unwrap_err();
    assert_eq!(error.remedy(), Remedy::FixPermissions);
    assert!(
        error
            .to_string()
            .starts_with("listing the tasks of service `api` in cluster `demo`"),
        "{error}"
    );
}

#[tokio::test]
async fn expected_nodes_add_up_and_each_cluster_is_asked_once() {
    let region = region().await;
    let discovery = several(&region, "api,batch,workers/batch").await;
    let six = ExpectedNodes::Known(NonZeroU32::new(1 + 2 + 3).unwrap());
    assert_eq!(number(&discovery).await, six);
    assert_eq!(region.calls().count(Action::DescribeServices), 2);

    region.edit(|account| account.role_mut("task-role").deny("ecs:DescribeServices"));
    let error = discovery.expected_nodes("orders", PATIENCE).await;
    assert!(
        matches!(error, Err(Error::AccessDenied { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn more_than_ten_services_are_described_ten_at_a_time() {
    let region = Region::start().await;
    region.edit(|account| {
        for n in 0..23 {
            account.put_service("demo", &format!("role-{n}"), 2);
        }
    });
    let services: Vec<_> = (0..23).map(|n| format!("role-{n}")).collect();
    let discovery = several(&region, &services.join(",")).await;
    let number = number(&discovery).await.number().unwrap();
    assert_eq!(number.get(), 46);
    assert_eq!(region.calls().count(Action::DescribeServices), 3);
    let resolved = look(&discovery, "orders").await;
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(calls(&resolved), [("ListTasks", 23)]);
}

#[tokio::test]
async fn the_first_page_is_read_of_each_service() {
    let region = Region::start().await;
    region.edit(|account| {
        for service in ["api", "batch"] {
            account.put_service("demo", service, 150);
            for _ in 0..150 {
                account.run_task(Task::of_service("demo", service));
            }
        }
    });
    let mut lookup = Lookup::new("orders");
    lookup.extent = Extent::FirstPage;
    let discovery = several(&region, "api,batch").await;
    let resolved = Box::pin(discovery.lookup(&lookup, PATIENCE)).await.unwrap();
    assert_eq!(resolved.targets.len(), 200);
    assert_eq!(resolved.completeness.reasons(), [PartialReason::MorePages]);
    assert_eq!(calls(&resolved), [("DescribeTasks", 2), ("ListTasks", 2)]);
}

#[tokio::test]
async fn a_watch_takes_nobody_away_of_a_service_that_fails() {
    let region = region().await;
    let discovery = several(&region, "api,batch").await;
    let mut pace = Pace::every(std::time::Duration::from_millis(1));
    pace.backoff_max = std::time::Duration::from_millis(1);
    let mut watch = discovery.watch(Lookup::new("orders"), pace);
    let before = watch.next_view().await;
    assert!(before.is_complete());
    region
        .faults()
        .add(Fault::Throttle.on([Action::ListTasks]).next(1));
    let view = watch.next_view().await;
    assert!(!view.is_complete());
    assert!(view.changes.is_empty(), "{:?}", view.changes);
    assert_eq!(view.targets, before.targets);
}

#[tokio::test]
async fn a_task_of_the_own_task_set_says_of_which_service_it_is() {
    let region = region().await;
    let task = region.edit(|account| account.run_task(Task::of_service("demo", "api").at(ip(9))));
    let discovery = crate::support::task_set(&region, &task).await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(owners(&resolved), ["demo/api", "demo/api"]);
}

#[tokio::test]
async fn a_fixed_list_knows_of_no_service() {
    let fixed = discovery::config::Fixed::new("10.0.0.1".parse().unwrap());
    let discovery = crate::support::ready(Settings::Config(fixed)).await;
    assert_eq!(look(&discovery, "orders").await.targets[0].owner, None);
}

async fn instances() -> Region {
    let region = Region::start().await;
    region.edit(|account| {
        for (service, last, group) in [
            ("api", 1, "api-group"),
            ("batch", 2, "batch-group"),
            ("other", 3, "other-group"),
        ] {
            account.put_auto_scaling_group(group, u32::from(last));
            let instance = Instance::running().at(ip(last)).tag("service", service);
            account.run_instance(instance.in_group(group));
        }
    });
    region
}

async fn of_values(region: &Region, values: [&str; 2]) -> Discovery {
    ec2(region, |ec2| {
        ec2.tag_values = values.map(str::to_owned).into();
    })
    .await
}

#[tokio::test]
async fn instances_with_any_of_several_tag_values_are_found_by_one_call() {
    let region = instances().await;
    let discovery = of_values(&region, ["api", "batch"]).await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(addresses(&resolved), ["10.0.1.1", "10.0.1.2"]);
    assert_eq!(owners(&resolved), ["api", "batch"]);
    assert_eq!(calls(&resolved), [("DescribeInstances", 1)]);
    let three = ExpectedNodes::Known(NonZeroU32::new(1 + 2).unwrap());
    assert_eq!(number(&discovery).await, three);
}

#[tokio::test]
async fn a_tag_value_that_no_instance_has_yet_leaves_the_number_unknown() {
    let region = instances().await;
    let discovery = of_values(&region, ["api", "late"]).await;
    let why = WhyUnknown::NobodyListed("late".to_owned());
    assert!(!why.is_final());
    assert_eq!(number(&discovery).await, ExpectedNodes::Unknown(why));
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
}

#[tokio::test]
async fn more_tag_values_than_ec2_takes_are_refused_beforehand() {
    let region = Region::start().await;
    let mut settings = discovery::config::Ec2TagBased::by_tag("service");
    settings.client = crate::support::client(&region);
    settings.tag_values = (0..=200).map(|n| n.to_string()).collect();
    let made = Discovery::new(Settings::Ec2TagBased(settings)).await;
    assert_eq!(
        made.unwrap_err().to_string(),
        "tag-values: has more than 200, which EC2 refuses"
    );
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, last)
}
