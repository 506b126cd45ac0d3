//! A process that plays the part of AWS: a service of so many tasks, and as many instances.

use std::{
    convert::Infallible,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    process::{Child, Command, ExitCode, Stdio},
    sync::LazyLock,
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_types::{SdkConfig, region::Region};
#[cfg(feature = "ec2")]
use discovery::config::Ec2TagBased;
use discovery::{
    Discovery,
    config::{Client, Ecs, Settings, Surroundings},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinSet, yield_now},
    time::{Instant, sleep_until},
};

use super::{Failure, Method, ROUND_TRIP};

/// Tasks on a page, instances on a page.
const TASKS: usize = 100;
const INSTANCES: usize = 1_000;

/// At most, when nothing else runs.
const TIMERS_ARE_OFF_BY: Duration = Duration::from_millis(3);

/// The process, until this is dropped.
#[derive(Debug)]
pub(crate) struct Endpoint {
    process: Child,
    url: String,
}

impl Endpoint {
    pub(crate) fn start(size: usize) -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", &size.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let output = process.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut url)?;
        url.truncate(url.trim_end().len());
        Ok(Self { process, url })
    }

    /// A client that knows nothing yet.
    pub(crate) async fn discovery(&self, method: Method) -> Result<Discovery, discovery::Error> {
        let credentials = Credentials::new("key", "secret", None, None, "bench");
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let mut client = Client::from(config);
        client.endpoint = Some(self.url.clone());
        let settings = match method {
            Method::Ecs => {
                let mut ecs = Ecs::in_cluster("prod");
                ecs.client = client;
                Settings::Ecs(ecs)
            }
            #[cfg(feature = "ec2")]
            Method::Ec2 => {
                let mut ec2 = Ec2TagBased::by_tag("service");
                ec2.client = client;
                Settings::Ec2TagBased(ec2)
            }
        };
        Discovery::in_surroundings(settings, &Surroundings::default()).await
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says where it listens, and answers until it is killed.
#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "that is how the parent hears of it")]
pub(crate) async fn serve(size: usize) -> Result<ExitCode, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = service_fn(move |request| answer(size, request));
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answer);
            // The caller closes it, now or then.
            let _ = connection.await;
        });
    }
}

/// ECS has its action in a header and JSON for a body, EC2 a form.
async fn answer(
    size: usize,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let arrived = Instant::now();
    let target = request.headers().get("x-amz-target").cloned();
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let answer = match target {
        None => instances(size, &String::from_utf8_lossy(&body)),
        Some(target) => {
            let request = serde_json::from_slice(&body).unwrap_or_default();
            if target.as_bytes().ends_with(b".ListTasks") {
                page(size, &request).to_string()
            } else {
                described(&request)
            }
        }
    };
    let answer = Bytes::from(answer);
    exactly_until(arrived + ROUND_TRIP).await;
    Ok(Response::new(Full::new(answer)))
}

/// Timers go by the millisecond, and late: that would count as time that the lookup takes.
async fn exactly_until(then: Instant) {
    sleep_until(then - TIMERS_ARE_OFF_BY).await;
    while Instant::now() < then {
        yield_now().await;
    }
}

fn page(tasks: usize, request: &Value) -> Value {
    let token = request["nextToken"].as_str().unwrap_or("0");
    let start: usize = token.parse().unwrap_or_default();
    let end = tasks.min(start + TASKS);
    let arns: Vec<String> = (start..end).map(arn).collect();
    if end < tasks {
        json!({"taskArns": arns, "nextToken": end.to_string()})
    } else {
        json!({"taskArns": arns})
    }
}

fn described(request: &Value) -> String {
    let arns = request["tasks"].as_array().cloned().unwrap_or_default();
    let tasks: Vec<String> = arns.iter().filter_map(Value::as_str).map(task).collect();
    format!(r#"{{"tasks":[{}],"failures":[]}}"#, tasks.join(","))
}

fn task(arn: &str) -> String {
    let number: u32 = arn
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .unwrap_or_default();
    TASK.replace("ARN", arn)
        .replace("ADDRESS", &address(number))
}

/// As large as AWS makes one with a sidecar. Written once: the endpoint must not be what is measured.
static TASK: LazyLock<String> = LazyLock::new(|| {
    let container = |name: &str| {
        json!({
            "containerArn": "ARN/0123456789abcdef",
            "taskArn": "ARN",
            "name": name,
            "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.0.0",
            "imageDigest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "runtimeId": "0123456789abcdef0123456789abcdef-0123456789",
            "lastStatus": "RUNNING",
            "networkBindings": [],
            "networkInterfaces": [{
                "attachmentId": "01234567-89ab-cdef-0123-456789abcdef",
                "privateIpv4Address": "ADDRESS",
            }],
            "healthStatus": "HEALTHY",
            "cpu": "0",
        })
    };
    json!({
        "attachments": [{
            "id": "01234567-89ab-cdef-0123-456789abcdef",
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [
                {"name": "subnetId", "value": "subnet-0123456789abcdef0"},
                {"name": "networkInterfaceId", "value": "eni-0123456789abcdef0"},
                {"name": "macAddress", "value": "0a:01:23:45:67:89"},
                {"name": "privateDnsName", "value": "ip-10-0-0-1.eu-west-1.compute.internal"},
                {"name": "privateIPv4Address", "value": "ADDRESS"},
            ],
        }],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "arm64"}],
        "availabilityZone": "eu-west-1a",
        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        "connectivity": "CONNECTED",
        "connectivityAt": 1_700_000_000.123,
        "containers": [container("node"), container("proxy")],
        "cpu": "256",
        "createdAt": 1_700_000_000.123,
        "desiredStatus": "RUNNING",
        "group": "service:orders",
        "healthStatus": "HEALTHY",
        "lastStatus": "RUNNING",
        "launchType": "FARGATE",
        "memory": "512",
        "platformVersion": "1.4.0",
        "startedAt": 1_700_000_060.456,
        "startedBy": "ecs-svc/0123456789012345678",
        "tags": [
            {"key": "aws:ecs:clusterName", "value": "prod"},
            {"key": "aws:ecs:serviceName", "value": "orders"},
            {"key": "color", "value": "blue"},
        ],
        "taskArn": "ARN",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders:1",
        "version": 3,
    })
    .to_string()
});

fn arn(number: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{number:032}")
}

/// One instance per reservation, as an auto-scaling group makes them.
fn instances(size: usize, form: &str) -> String {
    let token = form
        .split('&')
        .find_map(|field| field.strip_prefix("NextToken="))
        .unwrap_or("0");
    let start: usize = token.parse().unwrap_or_default();
    let end = size.min(start + INSTANCES);
    let mut xml = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>01234567-89ab-cdef-0123-456789abcdef</requestId>
    <reservationSet>
"#,
    );
    for number in start..end {
        let number = u32::try_from(number).unwrap_or_default();
        let id = format!("{number:017x}");
        xml += &INSTANCE
            .replace("NUMBER", &id)
            .replace("ADDRESS", &address(number));
    }
    xml += "    </reservationSet>\n";
    if end < size {
        xml += &format!("    <nextToken>{end}</nextToken>\n");
    }
    xml + "</DescribeInstancesResponse>"
}

/// As large as AWS makes one.
const INSTANCE: &str = include_str!("instance.xml");

fn address(number: u32) -> String {
    Ipv4Addr::from(0x0a00_0000 + number).to_string()
}
