//! An environment is text from somewhere else: whatever it holds, the program takes it as it was
//! meant, or names the variable that is wrong. It never panics.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt as _,
};

use demo_node::config::{setting::Setting, settings};
use futures::{StreamExt as _, stream};
use region::Task;

use crate::support::{CLUSTER, ORDERS, Said, Site, by_service, demo_node};

/// What the AWS SDK, its HTTP client, tokio and the node read, apart from the node's settings.
const READ: [&str; 41] = [
    "ALL_PROXY",
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCOUNT_ID",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_DISABLE_REQUEST_COMPRESSION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_ECS",
    "AWS_EXECUTION_ENV",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SDK_UA_APP_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SIGV4A_SIGNING_REGION_SET",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "DEMO_NODE_CONFIG",
    "ECS_CONTAINER_METADATA_URI_V4",
    "HTTPS_PROXY",
    "NO_PROXY",
    "TOKIO_WORKER_THREADS",
];

/// More at once would only take each other's time.
const AT_ONCE: usize = 4;

/// The program's answer to a lookup, with one variable set or changed.
#[derive(Debug)]
struct Answer {
    variable: String,
    said: Said,
}

/// Looks up once for each variable, with what `value` makes of it.
async fn lookups(
    site: &Site,
    names: impl Iterator<Item = String>,
    value: impl Fn(Option<&str>) -> Option<OsString>,
) -> Vec<Answer> {
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut environment = site.region.task_environment(&task);
    environment.extend(by_service().into_environment());
    let environment = &environment;
    let cases = names.filter_map(|name| {
        let value = value(environment.get(&name).map(String::as_str))?;
        Some((name, value))
    });
    stream::iter(cases)
        .map(|(variable, value)| async move {
            let mut all: BTreeMap<OsString, OsString> = environment
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            all.insert(OsStr::new(&variable).to_owned(), value);
            let said = demo_node(&["lookup"], &all).await;
            assert!(!said.error.contains("panicked"), "{variable}: {said:?}");
            Answer { variable, said }
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

fn all() -> impl Iterator<Item = String> {
    let settings = settings().map(Setting::env);
    READ.into_iter().map(str::to_owned).chain(settings)
}

#[tokio::test]
async fn a_blank_variable_is_not_set() {
    let site = Site::new().await;
    // Those that are set are needed.
    let unset = |value: Option<&str>| value.is_none().then(|| " \n".into());
    for answer in lookups(&site, all(), unset).await {
        assert_eq!(answer.said.status, Some(0), "{answer:?}");
    }
}

#[tokio::test]
async fn white_space_around_a_value_is_dropped() {
    let site = Site::new().await;
    let padded = |value: Option<&str>| value.map(|value| format!("\t{value} \n").into());
    let answers = lookups(&site, all(), padded).await;
    assert!(5 < answers.len(), "{answers:?}");
    for answer in answers {
        assert_eq!(answer.said.status, Some(0), "{answer:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_named_by_its_variable() {
    let site = Site::new().await;
    for wrong in [&b"one\ntwo"[..], b"one\x1b[2Jtwo", b"\xff\xfe"] {
        let value = OsString::from_vec(wrong.to_vec());
        for answer in lookups(&site, all(), |_| Some(value.clone())).await {
            let Answer { variable, said } = &answer;
            assert_eq!(said.status, Some(2), "{answer:?}");
            assert_eq!(said.error.lines().count(), 1, "{answer:?}");
            let named = format!("demo-node: the environment variable {variable}: ");
            assert!(said.error.starts_with(&named), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn nonsense_is_no_reason_to_panic() {
    let site = Site::new().await;
    for nonsense in ["http://", "é€"] {
        let read = READ.into_iter().map(str::to_owned);
        for answer in lookups(&site, read, |_| Some(nonsense.into())).await {
            assert!(
                answer.said.status.is_some_and(|status| status < 4),
                "{answer:?}"
            );
            if answer.variable.starts_with("AWS_ENDPOINT_URL") {
                let named = format!("{}: expected a URL", answer.variable);
                assert!(answer.said.error.contains(&named), "{answer:?}");
            }
        }
    }
}
