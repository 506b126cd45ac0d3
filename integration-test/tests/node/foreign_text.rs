//! What others say is shown in one line, of bounded length, and without what a terminal obeys.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use e2e::nodes::node::Node;
use observe::eventually::eventually;
use region::Task;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::support::{CLUSTER, ORDERS, Site, bootstrap, by_service, demo_node, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clears the screen, rings the bell, and turns the text that follows.
const HOSTILE: &str = "\u{1b}[2J\u{7}\u{9b}31m\u{202e}hello\r\nagain";

/// Longer than anyone reads, with something hostile at both ends.
fn long() -> String {
    format!("{HOSTILE}{}{HOSTILE}", "x".repeat(100_000))
}

#[track_caller]
fn is_harmless(text: &str, most: usize) {
    assert!(text.len() <= most, "{} bytes: {text:.2000}", text.len());
    let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(harmful), "{text:?}");
}

#[tokio::test]
async fn what_aws_says_is_shown_in_part_and_escaped() {
    let strange = MockServer::start().await;
    let message = json!({ "__type": "InvalidParameterException", "message": long() });
    let refuses = ResponseTemplate::new(400).set_body_json(message);
    Mock::given(any())
        .respond_with(refuses)
        .mount(&strange)
        .await;

    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut environment = site.region.task_environment(&task);
    environment.insert("AWS_ENDPOINT_URL_ECS".to_owned(), strange.uri());
    let mut lookup = environment.clone();
    lookup.extend(by_service().into_environment());
    let said = demo_node(&["lookup"], &lookup).await;
    assert!(said.error.contains("InvalidParameterException"), "{said:?}");
    is_harmless(&said.error, 2000);

    let node = site.start_in(environment, address, hasty());
    eventually(PATIENCE, async || {
        let status = bootstrap(&node).await?;
        let failed = status["lastLookup"]["completeness"] == "failed";
        anyhow::ensure!(failed, "{status}");
        is_harmless(&status["lastLookup"]["reasons"].to_string(), 2000);
        Ok(())
    })
    .await
    .unwrap();
    is_harmless(&node.log(), 10_000);
}

#[tokio::test]
async fn what_a_stranger_says_is_shown_in_part_and_escaped() {
    let site = Site::new().await;
    let (_task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let listener = TcpListener::bind((address, 7626)).unwrap();
    let stranger = MockServer::builder().listener(listener).start().await;
    let name = format!("cluster://{HOSTILE}@{address}:7355");
    let (task, at) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    for (n, answer) in [
        ResponseTemplate::new(200).set_body_json(json!({
            "selfNode": name, "selfUid": 1, "cluster": null, "seedNodes": [],
        })),
        ResponseTemplate::new(200).set_body_string(HOSTILE),
        ResponseTemplate::new(500).set_body_string(long()),
    ]
    .into_iter()
    .enumerate()
    {
        stranger.reset().await;
        Mock::given(any())
            .respond_with(answer)
            .mount(&stranger)
            .await;
        let settings = hasty().with("BOOTSTRAP_EXPECTED_NODES", "3");
        let mut node = site.start(&task, at, settings);
        eventually(PATIENCE, async || problem(&node).await)
            .await
            .unwrap();
        let log = node.log();
        assert!(log.contains("a contact point does not count"), "{n}: {log}");
        is_harmless(&log, 10_000);
        node.kill().await.unwrap();
    }
}

/// Fails until the node has found fault with a contact point.
async fn problem(node: &Node) -> anyhow::Result<()> {
    let status = bootstrap(node).await?;
    let points = status["contactPoints"].as_array().cloned();
    let mut points = points.unwrap_or_default().into_iter();
    let problem = points.find_map(|point| Some(point["problem"].as_str()?.to_owned()));
    let Some(problem) = problem else {
        anyhow::bail!("no problem yet: {status}");
    };
    is_harmless(&problem, 1000);
    Ok(())
}

#[tokio::test]
async fn what_a_node_answers_to_a_command_is_shown_in_part_and_escaped() {
    let node = MockServer::start().await;
    let url = node.address().to_string();
    let environment = BTreeMap::<String, String>::new();
    for (status, body) in [
        (200, json!({ "message": long() }).to_string()),
        (503, json!({ "message": long() }).to_string()),
        (
            200,
            json!({ "leader": HOSTILE, "members": [{ "node": HOSTILE, "roles": [HOSTILE] }] })
                .to_string(),
        ),
        (500, long()),
    ] {
        node.reset().await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(any()).respond_with(answer).mount(&node).await;
        for command in ["healthcheck", "members"] {
            let said = demo_node(&[command, "--url", &url], &environment).await;
            is_harmless(&said.error, 2000);
            is_harmless(&said.output, 2000);
        }
    }
}

#[tokio::test]
async fn members_as_json_are_the_same_json_without_what_a_terminal_obeys() {
    let node = MockServer::start().await;
    let url = node.address().to_string();
    let arguments = ["members", "--json", "--url", &url];
    let environment = BTreeMap::<String, String>::new();
    let answer = json!({ "leader": HOSTILE, "members": [{ "version": "\u{7f}\u{1f600}" }] });
    for (body, read) in [
        (serde_json::to_string_pretty(&answer).unwrap(), true),
        (format!("{answer}\r\r"), true),
        (HOSTILE.to_owned(), false),
        (format!("{answer}{HOSTILE}"), false),
    ] {
        node.reset().await;
        let shown = ResponseTemplate::new(200).set_body_string(body);
        Mock::given(any()).respond_with(shown).mount(&node).await;
        let said = demo_node(&arguments, &environment).await;
        is_harmless(&said.error, 2000);
        is_harmless(&said.output, 2000);
        if read {
            assert_eq!(said.status, Some(0), "{said:?}");
            let shown: serde_json::Value = serde_json::from_str(&said.output).unwrap();
            assert_eq!(shown, answer);
        } else {
            assert_eq!((said.status, &*said.output), (Some(1), ""), "{said:?}");
        }
    }
}

#[tokio::test]
async fn the_password_in_an_endpoint_is_not_shown() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let secret = "hunter2";
    let endpoint = format!("http://me:{secret}@127.0.0.1:1/");
    let setting = by_service().with("DISCOVERY_AWS_API_ECS_ENDPOINT", &endpoint);
    let mut by_setting = site.region.task_environment(&task);
    by_setting.extend(setting.into_environment());
    let mut by_variable = site.region.task_environment(&task);
    by_variable.insert("AWS_ENDPOINT_URL".to_owned(), endpoint.clone());
    by_variable.extend(by_service().into_environment());
    for environment in [&by_setting, &by_variable] {
        let said = demo_node(&["lookup"], environment).await;
        assert!(said.error.contains("http://***@127.0.0.1:1"), "{said:?}");
        assert!(!said.error.contains(secret), "{said:?}");
    }

    let settings = hasty().with("DISCOVERY_AWS_API_ECS_ENDPOINT", &endpoint);
    let node = site.start(&task, address, settings);
    eventually(PATIENCE, async || {
        let status = bootstrap(&node).await?.to_string();
        anyhow::ensure!(status.contains("***@"), "{status}");
        anyhow::ensure!(!status.contains(secret), "{status}");
        Ok(())
    })
    .await
    .unwrap();
    assert!(!node.log().contains(secret), "{}", node.log());
}
