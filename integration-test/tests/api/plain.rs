//! Each call to AWS once, against a mock server that says what AWS says: the shortest way to see what is asked and answered.
//!
//! All else about the calls is shown against the simulated region, which checks signatures, pages and policies, too.

use discovery::{
    Discovery, Lookup,
    config::{Client, Ec2TagBased, Ecs, EcsTaskSet, Settings, Surroundings},
};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_string_contains, header, method, path},
};

use crate::support::PATIENCE;

const TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task/demo/1";

#[tokio::test]
async fn list_tasks_and_describe_tasks() {
    let aws = MockServer::start().await;
    ecs_answers(&aws, "ListTasks", json!({ "taskArns": [TASK] })).await;
    ecs_answers(
        &aws,
        "DescribeTasks",
        json!({ "tasks": [task("10.0.1.7")] }),
    )
    .await;
    let mut ecs = Ecs::in_cluster("demo");
    ecs.client = client(&aws);

    let discovery = Discovery::new(Settings::Ecs(ecs)).await.unwrap();
    let found = discovery.lookup(&Lookup::new("orders"), PATIENCE).await;

    assert_eq!(found.unwrap().targets[0].address.to_string(), "10.0.1.7");
    let [list, describe] = asked(&aws).await.try_into().unwrap();
    assert_eq!(list["serviceName"], "orders");
    assert_eq!(list["desiredStatus"], "RUNNING");
    assert_eq!(describe["tasks"], json!([TASK]));
}

#[tokio::test]
async fn describe_services() {
    let aws = MockServer::start().await;
    let service = json!({ "serviceName": "orders", "status": "ACTIVE", "desiredCount": 5 });
    ecs_answers(&aws, "DescribeServices", json!({ "services": [service] })).await;
    let mut ecs = Ecs::in_cluster("demo");
    ecs.client = client(&aws);

    let discovery = Discovery::new(Settings::Ecs(ecs)).await.unwrap();
    let expected = discovery.expected_nodes("orders", PATIENCE).await.unwrap();

    assert_eq!(expected.number().map(u32::from), Some(5));
    assert_eq!(asked(&aws).await[0]["services"], json!(["orders"]));
}

#[tokio::test]
async fn task_metadata_and_the_tasks_of_its_task_set() {
    let aws = MockServer::start().await;
    let own = json!({ "TaskARN": TASK, "Cluster": "demo" });
    Mock::given(method("GET"))
        .and(path("/v4/container/task"))
        .respond_with(ResponseTemplate::new(200).set_body_json(own))
        .mount(&aws)
        .await;
    ecs_answers(&aws, "ListTasks", json!({ "taskArns": [TASK] })).await;
    ecs_answers(
        &aws,
        "DescribeTasks",
        json!({ "tasks": [task("10.0.1.7")] }),
    )
    .await;
    let mut task_set = EcsTaskSet::in_cluster("demo");
    task_set.client = client(&aws);
    let mut surroundings = Surroundings::default();
    surroundings.task_metadata = Some(format!("{}/v4/container", aws.uri()));

    let settings = Settings::EcsTaskSet(task_set);
    let discovery = Discovery::in_surroundings(settings, &surroundings).await;
    let lookup = Lookup::new("orders");
    let found = discovery.unwrap().lookup(&lookup, PATIENCE).await.unwrap();

    assert_eq!(found.targets[0].address.to_string(), "10.0.1.7");
    let listed = asked(&aws).await;
    assert!(listed.iter().any(|asked| asked["startedBy"] == "ecs-svc/1"));
}

#[tokio::test]
async fn describe_instances() {
    let aws = MockServer::start().await;
    let answer = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>\
                  <instanceId>i-1</instanceId><privateIpAddress>10.0.1.7</privateIpAddress>\
                  <instanceState><code>16</code><name>running</name></instanceState>\
                  <tagSet><item><key>service</key><value>orders</value></item></tagSet>\
                  </item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
    Mock::given(body_string_contains("Action=DescribeInstances"))
        .and(body_string_contains("Filter.2.Name=tag%3Aservice"))
        .and(body_string_contains("Filter.2.Value.1=orders"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(answer, "text/xml"))
        .mount(&aws)
        .await;
    let mut ec2 = Ec2TagBased::by_tag("service");
    ec2.client = client(&aws);

    let discovery = Discovery::new(Settings::Ec2TagBased(ec2)).await.unwrap();
    let found = discovery.lookup(&Lookup::new("orders"), PATIENCE).await;

    assert_eq!(found.unwrap().targets[0].address.to_string(), "10.0.1.7");
}

/// As the API reference has them: the operation is named in a header, the rest is JSON.
async fn ecs_answers(aws: &MockServer, operation: &str, answer: Value) {
    let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    Mock::given(header("x-amz-target", target.as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(aws)
        .await;
}

fn task(address: &str) -> Value {
    json!({
        "taskArn": TASK,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "startedBy": "ecs-svc/1",
        "attachments": [{
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [{ "name": "privateIPv4Address", "value": address }],
        }],
        "containers": [{
            "name": "node",
            "networkInterfaces": [{ "privateIpv4Address": address }],
        }],
    })
}

/// What ECS was asked, in order.
async fn asked(aws: &MockServer) -> Vec<Value> {
    let requests = aws.received_requests().await.unwrap();
    let to_ecs = |request: &Request| serde_json::from_slice(&request.body).ok();
    requests.iter().filter_map(to_ecs).collect()
}

/// With credentials that nobody checks.
fn client(aws: &MockServer) -> Client {
    let credentials = aws_credential_types::Credentials::for_tests();
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .credentials_provider(
            aws_credential_types::provider::SharedCredentialsProvider::new(credentials),
        )
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let mut client = Client::from(config);
    client.region = Some("eu-west-1".to_owned());
    client.endpoint = Some(aws.uri());
    client
}
