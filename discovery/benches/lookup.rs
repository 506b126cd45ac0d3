//! How long a lookup takes, how many calls, how much memory, by the number of tasks.
//!
//! The endpoint is another process, so that its work and memory are not counted. It answers each
//! call after a stated round trip. Pages follow one another and describing overlaps with them, so
//! a lookup should take no longer than (pages + 1) round trips, and little more.
//!
//! ```sh
//! cargo bench --package discovery
//! ```
//!
//! Of this package alone: then only the ECS client is built with optimisations, and not that of EC2.
//! Unoptimised, reading an answer of 100 tasks takes about as long as the round trip.
//!
//! It fails where a lookup takes longer than 1.15 × (pages + 1) × R + 50 ms, or more than 64 MiB.

use std::{
    convert::Infallible,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    sync::LazyLock,
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_types::{SdkConfig, region::Region};
use discovery::{
    Discovery, Lookup,
    config::{Ecs, Settings, Surroundings},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

const ROUND_TRIP: Duration = Duration::from_millis(40);
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const PAGE: usize = 100;
const MEMORY: u64 = 64 << 20;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "serve") {
        Some(at) => serve(arguments[at + 1].parse()?).await,
        None => measure().await,
    }
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
async fn measure() -> Result<ExitCode, Failure> {
    println!("A round trip takes {ROUND_TRIP:?}.");
    println!();
    println!("| tasks | lookup | took | at most | ListTasks | DescribeTasks | memory |");
    println!("|---|---|---|---|---|---|---|");
    let mut code = ExitCode::SUCCESS;
    for tasks in SIZES {
        let endpoint = Endpoint::start(tasks)?;
        let discovery = endpoint.discovery().await?;
        let idle = memory("VmRSS")?;
        for lookup in ["first", "refresh"] {
            let started = Instant::now();
            let lookup_of = Lookup::new("orders");
            let resolved = Box::pin(discovery.lookup(&lookup_of, Duration::from_secs(60))).await?;
            let took = started.elapsed();
            let peak = memory("VmHWM")?.saturating_sub(idle);
            assert_eq!(resolved.targets.len(), tasks);
            assert!(resolved.completeness.is_complete());

            let pages = u32::try_from(tasks.div_ceil(PAGE))?;
            let bound = (ROUND_TRIP * (pages + 1)).mul_f64(1.15) + Duration::from_millis(50);
            if bound < took || MEMORY < peak {
                code = ExitCode::FAILURE;
            }
            println!(
                "| {tasks} | {lookup} | {} ms | {} ms | {} | {} | {:.1} MiB |",
                took.as_millis(),
                bound.as_millis(),
                resolved.calls.of("ListTasks"),
                resolved.calls.of("DescribeTasks"),
                mebibytes(peak),
            );
        }
    }
    Ok(code)
}

/// A process that plays the part of ECS, until it is dropped.
struct Endpoint {
    process: Child,
    url: String,
}

impl Endpoint {
    fn start(tasks: usize) -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", &tasks.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let output = process.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut url)?;
        url.truncate(url.trim_end().len());
        Ok(Self { process, url })
    }

    async fn discovery(&self) -> Result<Discovery, discovery::Error> {
        let credentials = Credentials::new("key", "secret", None, None, "bench");
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let mut ecs = Ecs::in_cluster("prod");
        ecs.client.sdk_config = Some(config);
        ecs.client.endpoint = Some(self.url.clone());
        Discovery::in_surroundings(Settings::Ecs(ecs), &Surroundings::default()).await
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::print_stdout, reason = "that is how the parent hears of it")]
async fn serve(tasks: usize) -> Result<ExitCode, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = service_fn(move |request| answer(tasks, request));
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answer);
            // The caller closes it, now or then.
            let _ = connection.await;
        });
    }
}

async fn answer(
    tasks: usize,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let arrived = Instant::now();
    let target = request.headers().get("x-amz-target").cloned();
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let list = target.is_some_and(|target| target.as_bytes().ends_with(b".ListTasks"));
    let answer = if list {
        page(tasks, &body).to_string()
    } else {
        described(&body)
    };
    let answer = Bytes::from(answer);
    tokio::time::sleep_until(arrived + ROUND_TRIP).await;
    Ok(Response::new(Full::new(answer)))
}

fn page(tasks: usize, request: &Value) -> Value {
    let token = request["nextToken"].as_str().unwrap_or("0");
    let start: usize = token.parse().unwrap_or_default();
    let end = tasks.min(start + PAGE);
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
    let address = std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string();
    TASK.replace("ARN", arn).replace("ADDRESS", &address)
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

/// A line of the kernel's account of this process: `VmRSS` now, `VmHWM` at its highest.
fn memory(line: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kibibytes = status
        .lines()
        .find_map(|it| it.strip_prefix(line)?.strip_prefix(':'))
        .and_then(|it| it.split_whitespace().next())
        .ok_or("only Linux tells")?;
    Ok(kibibytes.parse::<u64>()? << 10)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
