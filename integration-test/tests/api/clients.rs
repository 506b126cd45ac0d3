//! How the AWS clients are made: what the environment says, what settings say, what users hand over.
//!
//! The environment belongs to a whole process. So each of these tests runs itself once more as a
//! child, with an environment of its own, and reads what the child prints.

use std::{collections::BTreeMap, net::TcpListener, path::Path, process::Stdio, time::Duration};

use discovery::{
    Discovery, Error, Remedy,
    config::{Client, Ecs, Settings},
};
use integration_test::sdk_config;
use region::{Action, Fault, Instance, Region, Task};
use tokio::time::Instant;

use crate::support::{PATIENCE, addresses, ask, chain, ecs, logged};

/// Present in children only.
const CHILD: &str = "DISCOVERY_TEST_CHILD";

#[tokio::test]
async fn in_a_task_credentials_region_and_endpoint_come_from_the_environment() {
    let region = Region::start().await;
    let answer = lookup_in(&task(&region)).await;
    assert_eq!(answer, "found 10.0.1.1");
    assert_eq!(region.calls().count(Action::TaskCredentials), 1);
}

#[tokio::test]
async fn on_an_instance_credentials_and_region_come_from_its_metadata() {
    let region = Region::start().await;
    task(&region);
    let instance = region.edit(|account| account.run_instance(Instance::running()));
    let answer = lookup_in(&region.instance_environment(&instance)).await;
    assert_eq!(answer, "found 10.0.1.1");
}

#[tokio::test]
async fn without_a_region_in_the_environment_the_own_task_tells_it() {
    let region = Region::start().await;
    let mut environment = task(&region);
    environment.remove("AWS_REGION").unwrap();
    environment.remove("AWS_DEFAULT_REGION").unwrap();
    assert_eq!(lookup_in(&environment).await, "found 10.0.1.1");
}

#[tokio::test]
async fn retry_settings_of_the_environment_neither_panic_nor_apply() {
    let region = Region::start().await;
    let environment = task(&region);
    for (name, value) in [
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_MAX_ATTEMPTS", "-1"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_MAX_ATTEMPTS", "5"),
        ("AWS_RETRY_MODE", "bogus"),
        ("AWS_RETRY_MODE", "adaptive"),
    ] {
        region.reset_calls();
        region.faults().clear();
        region.faults().add(Fault::Throttle.on([Action::ListTasks]));
        let answer = lookup_in(&with(&environment, &[(name, value)])).await;
        assert!(
            answer.starts_with("retry later: "),
            "{name}={value}: {answer}"
        );
        assert!(answer.contains("throttled"), "{name}={value}: {answer}");
        assert_eq!(region.calls().count(Action::ListTasks), 1, "{name}={value}");
    }
}

#[tokio::test]
async fn a_hostile_environment_does_not_panic() {
    let region = Region::start().await;
    let environment = task(&region);
    let directory = tempfile::tempdir().unwrap();
    let garbage = directory.path().join("garbage");
    std::fs::write(&garbage, b"[profile \xff\n= =\n]]").unwrap();
    let garbage = garbage.to_str().unwrap();
    for hostile in [
        &[
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ][..],
        &[
            ("AWS_CONFIG_FILE", garbage),
            ("AWS_SHARED_CREDENTIALS_FILE", garbage),
        ],
        &[("AWS_PROFILE", "nobody")],
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5")],
        &[("AWS_DISABLE_REQUEST_COMPRESSION", "perhaps")],
        &[("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "-1")],
        &[("AWS_ACCOUNT_ID_ENDPOINT_MODE", "perhaps")],
        &[("AWS_SDK_UA_APP_ID", "no spaces, please")],
        &[("AWS_NEW_RETRIES_2026", "perhaps")],
        &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")],
        &[("HTTPS_PROXY", "http://127.0.0.1:1")],
        &[
            ("HTTP_PROXY", "http://127.0.0.1:1"),
            ("NO_PROXY", "127.0.0.0/8"),
        ],
    ] {
        let answer = lookup_in(&with(&environment, hostile)).await;
        assert_eq!(answer, "found 10.0.1.1", "{hostile:?}");
    }
    for (name, value, answer) in [
        (
            "AWS_REGION",
            "not a region!",
            "fix configuration: the environment variable AWS_REGION: expected a region",
        ),
        (
            "AWS_USE_FIPS_ENDPOINT",
            "perhaps",
            "fix configuration: the environment variable AWS_USE_FIPS_ENDPOINT: expected `true`",
        ),
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "not a url",
            "fix configuration: the environment variable AWS_EC2_METADATA_SERVICE_ENDPOINT: \
             expected a URL",
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://192.0.2.1/",
            "fix configuration: listing the tasks",
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "not a url",
            "fix configuration: the environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI: \
             expected a URL",
        ),
        (
            "HTTP_PROXY",
            "http://127.0.0.1:1",
            "retry later: listing the tasks",
        ),
        (
            "all_proxy",
            "socks5://127.0.0.1:1",
            "fix configuration: the environment variable all_proxy: expected an HTTP proxy",
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "wrong",
            "retry later: listing the tasks",
        ),
    ] {
        let said = lookup_in(&with(&environment, &[(name, value)])).await;
        assert!(said.starts_with(answer), "{name}={value}: {said}");
    }
}

#[tokio::test]
async fn the_endpoint_of_the_service_wins_over_the_general_one_and_settings_win_over_both() {
    let region = Region::start().await;
    let environment = task(&region);
    let nowhere = "http://127.0.0.1:1";
    let service = with(
        &environment,
        &[
            ("AWS_ENDPOINT_URL", nowhere),
            ("AWS_ENDPOINT_URL_ECS", region.endpoint()),
        ],
    );
    assert_eq!(lookup_in(&service).await, "found 10.0.1.1");
    let settings = with(
        &environment,
        &[
            ("AWS_ENDPOINT_URL", nowhere),
            ("AWS_ENDPOINT_URL_ECS", nowhere),
            ("TEST_ENDPOINT", region.endpoint()),
        ],
    );
    assert_eq!(lookup_in(&settings).await, "found 10.0.1.1");
    for name in ["TEST_ENDPOINT", "AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL"] {
        let answer = lookup_in(&with(&environment, &[(name, nowhere)])).await;
        assert!(
            answer.contains("the endpoint http://127.0.0.1:1 could not be reached"),
            "{name}: {answer}"
        );
    }
}

#[tokio::test]
async fn without_a_region_the_error_says_where_to_set_it_and_comes_soon() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let imds = format!("http://{}", silent.local_addr().unwrap());
    let named = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    let nowhere = "fix configuration: no AWS region is known: set `region`";
    // Whoever names the service means that there is one.
    let silent = "retry later: reading the metadata at http://127.0.0.1:";
    for (environment, answer_by, expected) in [
        (&[(named, imds.as_str())][..], 3, silent),
        (&[("AWS_EC2_METADATA_DISABLED", "true")], 2, nowhere),
        (&[(named, "http://127.0.0.1:1")], 2, silent),
    ] {
        let started = Instant::now();
        let answer = lookup_in(&with(&BTreeMap::new(), environment)).await;
        assert!(
            started.elapsed() < Duration::from_secs(answer_by),
            "{environment:?}"
        );
        assert!(answer.starts_with(expected), "{answer}");
    }
}

#[tokio::test]
async fn instance_metadata_that_fails_is_asked_once() {
    let region = Region::start().await;
    let instance = region.edit(|account| account.run_instance(Instance::running()));
    let fault = Fault::Error {
        status: 500,
        code: "InternalError",
    };
    region.faults().add(fault.on([Action::InstanceToken]));
    let answer = lookup_in(&region.instance_environment(&instance)).await;
    assert!(
        answer.starts_with("retry later: reading the metadata at"),
        "{answer}"
    );
    assert!(answer.contains("HTTP status 500"), "{answer}");
    assert_eq!(region.calls().count(Action::InstanceToken), 1);
}

#[tokio::test]
async fn without_credentials_the_error_says_what_to_do_and_comes_soon() {
    let region = Region::start().await;
    task(&region);
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let imds = format!("http://{}", silent.local_addr().unwrap());
    let base = with(
        &BTreeMap::new(),
        &[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", region.endpoint()),
        ],
    );
    for imds in [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.as_str()),
    ] {
        let started = Instant::now();
        let answer = lookup_in(&with(&base, &[imds])).await;
        assert!(started.elapsed() < Duration::from_secs(4), "{imds:?}");
        assert!(
            answer.starts_with("fix configuration: listing the tasks")
                && answer.contains("AWS_PROFILE"),
            "{imds:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_now_are_worth_another_try() {
    let region = Region::start().await;
    let environment = task(&region);
    let fault = Fault::Error {
        status: 500,
        code: "InternalError",
    };
    region.faults().add(fault.on([Action::TaskCredentials]));
    let answer = lookup_in(&environment).await;
    assert!(answer.starts_with("retry later: "), "{answer}");
    assert!(
        answer.contains("the source of the AWS credentials failed"),
        "{answer}"
    );
}

#[tokio::test]
async fn retries_of_an_own_configuration_are_honoured() {
    let region = Region::start().await;
    task(&region);
    let retrying = |attempts| {
        let retries = aws_config::retry::RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(10));
        let config = sdk_config(&region, "task-role", "test").into_builder();
        config.retry_config(retries).build()
    };
    for (attempts, found) in [(3, true), (2, false)] {
        region.faults().clear();
        region
            .faults()
            .add(Fault::Throttle.on([Action::ListTasks]).next(2));
        let discovery = ecs(&region, |ecs| {
            ecs.client.sdk_config = Some(retrying(attempts));
        })
        .await;
        assert_eq!(ask(&discovery, "orders").await.is_ok(), found);
    }
}

#[tokio::test]
async fn retries_are_warned_about_and_their_absence_is_not() {
    let region = Region::start().await;
    for (attempts, warned) in [(1, false), (2, true)] {
        let retries = aws_config::retry::RetryConfig::standard().with_max_attempts(attempts);
        let config = sdk_config(&region, "task-role", "test").into_builder();
        let config = config.retry_config(retries).build();
        let made = ecs(&region, |ecs| ecs.client.sdk_config = Some(config));
        let (_, log) = Box::pin(logged(made)).await;
        assert_eq!(
            log.contains("WARN") && log.contains("throttled"),
            warned,
            "{log}"
        );
    }
}

#[tokio::test]
async fn what_an_own_configuration_leaves_open_is_filled_in() {
    let region = Region::start().await;
    task(&region);
    let full = sdk_config(&region, "task-role", "test");
    let bare = aws_config::SdkConfig::builder()
        .credentials_provider(full.credentials_provider().unwrap())
        .build();
    let mut without_region = Ecs::in_cluster("demo");
    without_region.client = Client::from(bare.clone());
    let error = Discovery::new(Settings::Ecs(without_region))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoRegion), "{error}");

    let discovery = ecs(&region, |ecs| {
        ecs.client = Client::from(bare);
        ecs.client.region = Some("eu-west-1".to_owned());
        ecs.client.endpoint = Some(region.endpoint().to_owned());
    });
    let resolved = ask(&discovery.await, "orders").await.unwrap();
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
}

#[tokio::test]
async fn an_own_configuration_without_credentials_is_told_so() {
    let mut settings = Ecs::in_cluster("demo");
    settings.client.region = Some("eu-west-1".to_owned());
    settings.client.sdk_config = Some(aws_config::SdkConfig::builder().build());
    let error = Discovery::new(Settings::Ecs(settings)).await.unwrap_err();
    assert_eq!(error.to_string(), "sdk-config: has no credentials provider");
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
}

/// What the children do. Without the variable, it is nothing.
#[tokio::test]
async fn child() {
    let variable = |name: &str| std::env::vars().find(|(it, _)| it == name);
    if variable(CHILD).is_none() {
        return;
    }
    let mut settings = Ecs::in_cluster("demo");
    settings.client.endpoint = variable("TEST_ENDPOINT").map(|(_, endpoint)| endpoint);
    let answer = match Discovery::new(Settings::Ecs(settings)).await {
        Ok(discovery) => ask(&discovery, "orders").await,
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(resolved) => format!("found {}", addresses(&resolved).join(",")),
        Err(error) => format!("{}: {}", error.remedy(), chain(&error).replace('\n', ": ")),
    };
    write(&answer);
}

/// The test harness prints in the same line before.
#[expect(clippy::print_stdout, reason = "that is how the parent hears of it")]
fn write(answer: &str) {
    println!("\nanswer={answer}");
}

/// What a lookup of `orders` finds in a process with this environment and no other.
async fn lookup_in(environment: &BTreeMap<String, String>) -> String {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "clients::child", "--nocapture"])
        .env_clear()
        .env(CHILD, "1")
        .env("HOME", Path::new("/nonexistent"))
        .envs(environment)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = said.lines().find_map(|line| line.strip_prefix("answer="));
    match answer {
        Some(answer) if output.status.success() => answer.to_owned(),
        _ => panic!("{said}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The environment of the only task of its service.
fn task(region: &Region) -> BTreeMap<String, String> {
    let task = region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(Task::of_service("demo", "orders").at([10, 0, 1, 1].into()))
    });
    region.task_environment(&task)
}

fn with(environment: &BTreeMap<String, String>, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    environment.clone().into_iter().chain(more).collect()
}
