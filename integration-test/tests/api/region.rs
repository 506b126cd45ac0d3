//! The region as the AWS SDKs see it: signing, paging, errors and credentials are their own.

use std::net::Ipv4Addr;

use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ecs::types::TaskField;
use aws_smithy_http_client::Builder as HttpClient;
use integration_test::region::{Action, Instance, InstanceState, Region, Task};

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
    let ecs = aws_sdk_ecs::Client::new(&region.sdk_config("task-role", task.id()));

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
    let config = region.sdk_config("nobody", "nothing").into_builder();
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
        .flat_map(|reservation| reservation.instances())
        .map(|instance| (instance.instance_id(), instance.private_ip_address()))
        .collect();
    assert_eq!(found, [(Some(me.as_str()), Some("10.0.1.1"))]);
}
