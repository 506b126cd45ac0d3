//! The region as the AWS SDKs see it: signing, paging, errors and credentials are their own.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_sdk_ec2::types::{Filter, Reservation};
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::TaskField;
use aws_smithy_http_client::Builder as HttpClient;
use integration_test::sdk_config;
use region::{Account, Action, Fault, Instance, InstanceState, Region, Rule, Task};

const ORDERS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

#[tokio::test]
async fn a_task_finds_itself() {
    let region = Region::start().await;
    let task = region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(
            Task::of_service("demo", "orders")
                .at(ORDERS)
                .tag("colour", "blue"),
        )
    });
    let ecs = aws_sdk_ecs::Client::new(&sdk_config(&region, "task-role", task.id()));

    let listed = ecs.list_tasks().cluster("demo").service_name("orders");
    let listed = listed.send().await.unwrap();
    assert_eq!(listed.task_arns(), [task.as_str()]);

    let described = ecs
        .describe_tasks()
        .cluster("demo")
        .set_tasks(listed.task_arns)
        .include(TaskField::Tags);
    let described = described.send().await.unwrap();
    let [found] = described.tasks() else {
        panic!("{described:?}")
    };
    let address = found.attachments()[0]
        .details()
        .iter()
        .find(|detail| detail.name() == Some("privateIPv4Address"))
        .and_then(|detail| detail.value());
    assert_eq!(address, Some("10.0.1.1"));
    assert_eq!(found.tags()[0].value(), Some("blue"));

    let calls = region.calls();
    let caller = calls.of(Action::ListTasks).next().unwrap().caller.clone();
    assert_eq!(caller.unwrap().session, task.id());
}

#[tokio::test]
async fn an_instance_finds_its_peers_with_the_credentials_of_its_own_metadata() {
    let region = Region::start().await;
    let me = region.edit(|account| {
        let tagged = Instance::running().tag("service", "orders");
        account.run_instance(tagged.clone().state(InstanceState::Stopped));
        account.run_instance(Instance::running().tag("service", "payments"));
        account.run_instance(tagged.at(ORDERS))
    });
    let endpoint = region.instance_environment(&me)["AWS_EC2_METADATA_SERVICE_ENDPOINT"].clone();
    let http = ProviderConfig::without_region().with_http_client(HttpClient::new().build_http());
    let imds = aws_config::imds::Client::builder()
        .configure(&http)
        .endpoint(endpoint)
        .unwrap()
        .build();
    let zone = imds.get("/latest/meta-data/placement/availability-zone");
    assert_eq!(zone.await.unwrap().as_ref(), "eu-west-1a");
    let credentials = ImdsCredentialsProvider::builder()
        .configure(&http)
        .imds_client(imds)
        .build();
    let config = sdk_config(&region, "nobody", "nothing").into_builder();
    let config = config
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let ec2 = aws_sdk_ec2::Client::new(&config);

    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let answer = ec2
        .describe_instances()
        .filters(filter("instance-state-name", "running"))
        .filters(filter("tag:service", "orders"))
        .max_results(1000);
    let answer = answer.send().await.unwrap();
    let found: Vec<_> = answer
        .reservations()
        .iter()
        .flat_map(Reservation::instances)
        .map(|instance| (instance.instance_id(), instance.private_ip_address()))
        .collect();
    assert_eq!(found, [(Some(me.as_str()), Some("10.0.1.1"))]);
}

#[tokio::test]
async fn ten_thousand_tasks_are_listed_and_described_in_two_hundred_calls() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 10_000);
        for _ in 0..10_000 {
            account.run_task(Task::of_service("demo", "orders"));
        }
    });
    let ecs = aws_sdk_ecs::Client::new(&sdk_config(&region, "task-role", "test"));
    let pages = ecs.list_tasks().cluster("demo").service_name("orders");
    let mut pages = pages.into_paginator().send();
    let mut described = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let tasks = ecs.describe_tasks().cluster("demo");
        let tasks = tasks.set_tasks(page.unwrap().task_arns).send().await;
        let tasks = tasks.unwrap().tasks.unwrap();
        described.extend(tasks.into_iter().map(|task| task.task_arn));
    }
    assert_eq!(described.len(), 10_000);
    assert_eq!(region.calls().count(Action::ListTasks), 100);
    assert_eq!(region.calls().count(Action::DescribeTasks), 100);
}

#[tokio::test]
async fn errors_reach_the_sdk_under_their_own_codes() {
    let region = Region::start().await;
    let config = sdk_config(&region, "task-role", "test");
    let ecs = aws_sdk_ecs::Client::new(&config);
    let ec2 = aws_sdk_ec2::Client::new(&config);
    let list = async || ecs.list_tasks().send().await.unwrap_err();
    let describe = async || ec2.describe_instances().send().await.unwrap_err();

    let error = list().await.into_service_error();
    assert!(error.is_cluster_not_found_exception(), "{error:?}");

    region.edit(|account| {
        let role = account.role_mut("task-role");
        role.deny("ecs:ListTasks");
        role.deny("ec2:DescribeInstances");
    });
    let error = list().await.into_service_error();
    assert!(error.is_access_denied_exception(), "{error:?}");
    assert!(error.message().unwrap().starts_with("User: arn:aws:sts::"));
    assert_eq!(describe().await.code(), Some("UnauthorizedOperation"));

    region.faults().add(Fault::Throttle);
    assert_eq!(list().await.code(), Some("ThrottlingException"));
    assert_eq!(describe().await.code(), Some("RequestLimitExceeded"));
    region.faults().clear();
    region.faults().add(Fault::Error {
        status: 500,
        code: "ServerException",
    });
    let error = list().await.into_service_error();
    assert!(error.is_server_exception(), "{error:?}");
    region.faults().clear();

    region.edit(Account::expire_credentials);
    assert_eq!(list().await.code(), Some("ExpiredTokenException"));
    assert_eq!(describe().await.code(), Some("RequestExpired"));
}

#[tokio::test]
async fn what_is_no_answer_fails_in_the_sdk_too() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_cluster("default");
    });
    let timeouts = TimeoutConfig::builder();
    let timeouts = timeouts.operation_timeout(Duration::from_millis(200));
    let config = sdk_config(&region, "task-role", "test").into_builder();
    let config = config.timeout_config(timeouts.build()).build();
    let ecs = aws_sdk_ecs::Client::new(&config);
    let list = async || ecs.list_tasks().send().await;
    assert!(list().await.is_ok());

    region
        .faults()
        .add(Rule::from(Fault::MalformedBody).next(1));
    let error = list().await.unwrap_err();
    assert!(matches!(error, SdkError::ResponseError(_)), "{error:?}");
    region.faults().add(Rule::from(Fault::NoAnswer).next(1));
    let error = list().await.unwrap_err();
    assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
    assert!(list().await.is_ok());
}
