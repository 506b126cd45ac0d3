//! A node whose services are in another account: it assumes a role there.

use std::time::Duration;

use e2e::nodes::settings::Settings;
use observe::eventually::eventually;
use region::{Action, Task, Trust, account};
use serde_json::{Value, json};

use crate::support::{CLUSTER, ORDERS, Site, by_service, demo_node, hasty};

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

/// The tasks' own role may assume another and nothing else; that one may do everything, and asks for an external id.
async fn site() -> Site {
    let site = Site::new().await;
    site.region.edit(|account| {
        let own = account.role_mut(account::TASK_ROLE);
        for action in ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices"] {
            own.deny(action);
        }
        let trust = Trust::of_account(account::ACCOUNT_ID).with_external_id("shop");
        account.role_mut("reader").trust = Some(trust);
    });
    site
}

fn assuming(settings: Settings, external_id: &str) -> Settings {
    settings
        .with("DISCOVERY_AWS_API_ECS_ROLE_ARN", ROLE)
        .with("DISCOVERY_AWS_API_ECS_EXTERNAL_ID", external_id)
}

#[tokio::test]
async fn a_node_finds_its_peers_by_the_role_and_its_session_says_who_it_is() {
    let site = site().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let node = site.start(&task, address, assuming(hasty(), "shop"));
    eventually(Duration::from_secs(20), async || node.ready().await)
        .await
        .unwrap();
    let calls = site.region.calls();
    let assumed = calls.of(Action::AssumeRole).next().unwrap();
    let session = format!("{ORDERS}@{address}");
    assert_eq!(assumed.parameters["RoleSessionName"], session);
    for call in calls.of(Action::ListTasks) {
        let caller = call.caller.as_ref().unwrap();
        assert_eq!(
            (caller.role.as_str(), &caller.session),
            ("reader", &session)
        );
    }
}

#[tokio::test]
async fn a_lookup_by_hand_assumes_it_too_and_says_what_is_wrong() {
    let site = site().await;
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let with = |external_id: &str| {
        let mut environment = site.region.task_environment(&task);
        environment.extend(assuming(by_service(), external_id).into_environment());
        environment
    };
    let said = demo_node(&["lookup", "--json"], &with("shop")).await;
    assert_eq!(said.status, Some(0), "{}", said.error);
    let found: Value = serde_json::from_str(&said.output).unwrap();
    assert_eq!(found["targets"][0]["service"], ORDERS);
    assert_eq!(found["targets"][0]["cluster"], CLUSTER);

    let said = demo_node(&["lookup"], &with("other")).await;
    assert_eq!(said.status, Some(1), "{}", said.output);
    let told = format!("assuming the role {ROLE} with the external id `other`: not authorized");
    assert!(said.error.contains(&told), "{}", said.error);
}

#[tokio::test]
async fn the_doctor_names_the_role_that_cannot_be_assumed() {
    let site = site().await;
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let ask = async |external_id: &str| {
        let mut environment = site.region.task_environment(&task);
        environment.extend(assuming(by_service(), external_id).into_environment());
        let said = demo_node(&["doctor", "--json"], &environment).await;
        serde_json::from_str::<Value>(&said.output).unwrap()
    };
    let report = ask("other").await;
    let results = |report: &Value| {
        let calls = report["calls"].as_array().unwrap().iter();
        let results = calls.map(|call| json!([call["action"], call["result"]]));
        Value::Array(results.collect())
    };
    assert_eq!(
        results(&report),
        json!([
            ["sts:AssumeRole", "denied"],
            ["ecs:ListTasks", "not-made"],
            ["ecs:DescribeTasks", "not-made"],
            ["ecs:DescribeServices", "not-made"]
        ])
    );
    let first = &report["findings"][0];
    assert_eq!(first["code"], "missing-permission", "{report}");
    assert_eq!(first["about"], json!(["sts:AssumeRole"]));
    let advice = first["advice"].as_str().unwrap();
    for told in [ROLE, "trust policy", "discovery.aws-api-ecs.external-id"] {
        assert!(advice.contains(told), "{advice}");
    }

    let report = ask("shop").await;
    assert_eq!(results(&report)[0], json!(["sts:AssumeRole", "allowed"]));
    assert_eq!(results(&report)[1], json!(["ecs:ListTasks", "allowed"]));
}
