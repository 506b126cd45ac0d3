//! The own address: who is asked for it, in which order, and what happens when they do not answer.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use discovery::{
    AddressSource, Discovery, Error, OwnAddress, Remedy,
    config::{AddressFamily, Ecs, Settings, Surroundings},
    container_address,
};
use region::{Action, Fault, Instance, Region, Task, TaskArn};
use tokio::time::Instant;

use crate::support::{chain, logged, surroundings};

#[tokio::test]
async fn in_a_task_the_task_metadata_tells_the_address_and_more() {
    let region = Region::start().await;
    let own = task(
        &region,
        Task::standalone("demo", "orders").zone("eu-west-1b"),
    );
    let address = address(&region.task_environment(&own)).await.unwrap();
    assert_eq!(address.address.to_string(), "127.0.3.4");
    assert_eq!(address.source, AddressSource::TaskMetadata);
    assert_eq!(address.availability_zone.as_deref(), Some("eu-west-1b"));
    assert_eq!(address.task, Some(own.to_string()));
    let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/demo";
    assert_eq!(address.cluster.as_deref(), Some(cluster));
}

#[tokio::test]
async fn version_3_of_the_task_metadata_will_do() {
    let region = Region::start().await;
    let own = task(&region, Task::standalone("demo", "orders"));
    let mut environment = region.task_environment(&own);
    environment.remove("ECS_CONTAINER_METADATA_URI_V4").unwrap();
    let address = address(&environment).await.unwrap();
    assert_eq!(address.address.to_string(), "127.0.3.4");
}

#[tokio::test]
async fn in_a_vpc_without_ipv4_the_address_is_ipv6() {
    let region = Region::start().await;
    let own = region.edit(|account| {
        let task = Task::standalone("demo", "orders");
        account.run_task(task.at_v6("2001:db8::1".parse().unwrap()))
    });
    let address = address(&region.task_environment(&own)).await.unwrap();
    assert_eq!(address.address.to_string(), "2001:db8::1");
}

#[tokio::test]
async fn the_wanted_family_is_given() {
    let region = Region::start().await;
    let own = task(
        &region,
        Task::standalone("demo", "orders").at_v6("2001:db8::1".parse().unwrap()),
    );
    let surroundings = surroundings(&region.task_environment(&own));
    let address = container_address(&surroundings, AddressFamily::Ipv6).await;
    assert_eq!(address.unwrap().address.to_string(), "2001:db8::1");
}

#[tokio::test]
async fn in_bridge_mode_the_error_says_so() {
    let region = Region::start().await;
    let own = task(&region, Task::standalone("demo", "orders").in_bridge_mode());
    let error = address(&region.task_environment(&own)).await.unwrap_err();
    assert!(
        matches!(&error, Error::NetworkMode { mode, .. } if mode == "bridge"),
        "{error}"
    );
}

#[tokio::test]
async fn task_metadata_that_fails_at_first_is_asked_again() {
    let region = Region::start().await;
    let own = task(&region, Task::standalone("demo", "orders"));
    let starting = Fault::Error {
        status: 500,
        code: "InternalError",
    };
    region
        .faults()
        .add(starting.on([Action::TaskMetadata]).next(2));
    let address = address(&region.task_environment(&own)).await.unwrap();
    assert_eq!(address.address.to_string(), "127.0.3.4");
    assert_eq!(region.calls().count(Action::TaskMetadata), 3);
}

#[tokio::test]
async fn in_a_task_nobody_else_is_asked_when_the_task_metadata_fails() {
    let region = Region::start().await;
    let own = task(&region, Task::standalone("demo", "orders"));
    let host = region.edit(|account| account.run_instance(Instance::running()));
    region.faults().add(
        Fault::Error {
            status: 500,
            code: "InternalError",
        }
        .on([Action::TaskMetadata]),
    );
    let mut environment = region.task_environment(&own);
    environment.extend(region.instance_environment(&host));
    let error = address(&environment).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::RetryLater);
    assert_eq!(region.calls().count(Action::InstanceToken), 0);
}

#[tokio::test]
async fn on_an_instance_its_metadata_tells_the_address_and_the_zone() {
    let region = Region::start().await;
    let own = region.edit(|account| {
        let instance = Instance::running().at([127, 0, 5, 6].into());
        account.run_instance(instance.zone("eu-west-1c"))
    });
    let address = address(&region.instance_environment(&own)).await.unwrap();
    assert_eq!(address.address.to_string(), "127.0.5.6");
    assert_eq!(address.source, AddressSource::InstanceMetadata);
    assert_eq!(address.availability_zone.as_deref(), Some("eu-west-1c"));
    assert_eq!(address.task, None);
}

#[tokio::test]
async fn task_metadata_without_networks_leaves_it_to_the_interfaces() {
    let region = Region::start().await;
    let own = task(&region, Task::standalone("demo", "orders"));
    region
        .faults()
        .add(Fault::WithoutMember("Containers").on([Action::TaskMetadata]));
    match address(&region.task_environment(&own)).await {
        Ok(address) => {
            assert!(matches!(address.source, AddressSource::Interface(_)));
            assert_eq!(address.task, Some(own.to_string()));
        }
        // Whether one address remains is this machine's affair.
        Err(error) => assert!(matches!(error, Error::OwnAddress { .. }), "{error}"),
    }
}

#[tokio::test]
async fn in_a_task_the_host_is_never_asked() {
    let region = Region::start().await;
    let own = task(&region, Task::standalone("demo", "orders"));
    let host = region.edit(|account| account.run_instance(Instance::running()));
    region
        .faults()
        .add(Fault::WithoutMember("Containers").on([Action::TaskMetadata]));
    let mut environment = region.task_environment(&own);
    environment.extend(region.instance_environment(&host));
    if let Ok(address) = address(&environment).await {
        assert!(matches!(address.source, AddressSource::Interface(_)));
    }
    assert_eq!(region.calls().count(Action::InstanceToken), 0);
}

#[tokio::test]
async fn slow_instance_metadata_is_not_waited_for_longer_than_two_seconds() {
    let region = Region::start().await;
    let own = region.edit(|account| account.run_instance(Instance::running()));
    region
        .faults()
        .add(Fault::Delay(Duration::from_millis(900)));
    let started = Instant::now();
    let found = address(&region.instance_environment(&own)).await;
    assert!(started.elapsed() < Duration::from_millis(2500), "{found:?}");
}

#[tokio::test]
async fn elsewhere_the_interfaces_tell_or_the_error_lists_them() {
    match address(&BTreeMap::new()).await {
        Ok(address) => assert!(!address.address.is_loopback()),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("127.0.0.1 on lo (loopback)"), "{message}");
            assert_eq!(error.remedy(), Remedy::FixConfiguration);
        }
    }
}

#[tokio::test]
async fn where_instance_metadata_is_silent_the_interfaces_follow_within_two_seconds() {
    // Connections are taken by the kernel, and nobody answers them.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut surroundings = Surroundings::default();
    surroundings.instance_metadata = Some(format!("http://{}", silent.local_addr().unwrap()));
    let started = Instant::now();
    let found = container_address(&surroundings, AddressFamily::default()).await;
    assert!(started.elapsed() < Duration::from_millis(2500), "{found:?}");
    if let Ok(address) = found {
        assert!(matches!(address.source, AddressSource::Interface(_)));
    }
}

#[tokio::test]
async fn instance_metadata_that_no_container_reaches_is_explained() {
    let region = Region::start().await;
    let own = region.edit(|account| account.run_instance(Instance::running()));
    // The answer with the token is lost: so it looks where the hop limit is 1.
    region
        .faults()
        .add(Fault::NoAnswer.on([Action::InstanceToken]));
    let environment = region.instance_environment(&own);
    let error = address(&environment).await.unwrap_err();
    let explained = chain(&error);
    assert!(explained.contains("HttpPutResponseHopLimit"), "{explained}");
    assert!(explained.contains("no answer in time"), "{explained}");
    assert_eq!(error.remedy(), Remedy::RetryLater);

    // Where this need not be an instance, the interfaces follow.
    let mut surroundings = surroundings(&environment);
    surroundings.on_ec2 = false;
    let asked = container_address(&surroundings, AddressFamily::default());
    let (found, log) = logged(asked).await;
    assert!(log.contains("no answer in time"), "{log}");
    assert!(log.contains("a hop limit of at least 2"), "{log}");
    // Whether one address remains is this machine's affair.
    if let Err(error) = found {
        let chain = chain(&error);
        assert!(chain.contains("HttpPutResponseHopLimit"), "{chain}");
        assert!(chain.contains("no answer in time"), "{chain}");
    }
}

/// What may pass, of either question to the instance metadata.
fn passing() -> impl Iterator<Item = (Fault, Action)> {
    let error = |status| Fault::Error {
        status,
        code: "Failed",
    };
    let faults = [
        error(503),
        error(500),
        error(429),
        error(403),
        Fault::NoAnswer,
    ];
    let actions = [Action::InstanceToken, Action::InstanceMetadata];
    faults
        .into_iter()
        .flat_map(move |fault| actions.map(|action| (fault.clone(), action)))
}

#[tokio::test]
async fn a_passing_failure_of_the_instance_metadata_is_no_answer() {
    let region = Region::start().await;
    let own = region.edit(|account| {
        let instance = Instance::running().at([127, 0, 5, 6].into());
        account.run_instance(instance.zone("eu-west-1c"))
    });
    let environment = region.instance_environment(&own);
    for (fault, action) in passing() {
        region.faults().add(fault.clone().on([action]).next(1));
        let error = address(&environment).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::RetryLater, "{fault:?} {action:?}");
        let found = address(&environment).await.unwrap();
        assert_eq!(
            found.address.to_string(),
            "127.0.5.6",
            "{fault:?} {action:?}"
        );
        assert_eq!(found.availability_zone.as_deref(), Some("eu-west-1c"));
    }
}

#[tokio::test]
async fn metadata_that_fails_while_the_region_is_looked_for_is_worth_another_try() {
    let region = Region::start().await;
    let instance = region.edit(|account| account.run_instance(Instance::running()));
    let task = task(&region, Task::standalone("demo", "orders"));
    let failing = Fault::Error {
        status: 503,
        code: "Failed",
    };
    for (mut environment, actions, times) in [
        (
            region.instance_environment(&instance),
            [Action::InstanceToken, Action::InstanceMetadata],
            1,
        ),
        // The task's metadata is asked three times at once.
        (
            region.task_environment(&task),
            [Action::TaskMetadata, Action::TaskMetadata],
            3,
        ),
    ] {
        environment.retain(|name, _| !name.contains("REGION"));
        for action in actions {
            region
                .faults()
                .add(failing.clone().on([action]).next(times));
            let surroundings = surroundings(&environment);
            let settings = || Settings::Ecs(Ecs::in_cluster("demo"));
            let error = Discovery::in_surroundings(settings(), &surroundings).await;
            let error = error.unwrap_err();
            assert!(
                matches!(error, Error::Metadata { .. }),
                "{action:?}: {error}"
            );
            let again = Discovery::in_surroundings(settings(), &surroundings).await;
            again.unwrap();
        }
    }
}

fn task(region: &Region, task: Task) -> TaskArn {
    region.edit(|account| account.run_task(task.at([127, 0, 3, 4].into())))
}

async fn address(environment: &BTreeMap<String, String>) -> Result<OwnAddress, Error> {
    container_address(&surroundings(environment), AddressFamily::default()).await
}
