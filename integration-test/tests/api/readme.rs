//! The policies in the library's README: each method works with its own, and with nothing less.

use std::{collections::BTreeSet, path::Path, time::Duration};

use discovery::{Error, config::AssumedRole};
use region::{Instance, Region, Task, TaskArn, policy::Statements};
use serde_json::Value;

use crate::support::{ask, ec2, ecs, task_set};

#[tokio::test]
async fn the_policy_of_the_ecs_methods_is_enough_and_none_of_it_too_much() {
    let [policy, ..] = policies("demo");
    assert_eq!(missing_with(&policy).await, BTreeSet::new());
    let actions = ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices"];
    assert_eq!(policy.len(), actions.len());
    for (index, action) in actions.into_iter().enumerate() {
        let mut less = policy.clone();
        assert_eq!(less.remove(index)["Action"], action);
        assert_eq!(
            missing_with(&less).await,
            BTreeSet::from([action.to_owned()])
        );
    }
}

#[tokio::test]
async fn the_policy_of_the_ecs_methods_is_for_one_cluster() {
    let [policy, ..] = policies("prod");
    assert_eq!(missing_with(&policy).await.len(), 3);
}

#[tokio::test]
async fn the_policy_of_the_ec2_method_is_enough_and_needed() {
    let [_, policy, ..] = policies("demo");
    let (region, _) = orders().await;
    let discovery = ec2(&region, |_| ()).await;
    let expected = || discovery.expected_nodes("orders", Duration::from_secs(5));
    allow(&region, &policy);
    assert_eq!(ask(&discovery, "orders").await.unwrap().targets.len(), 1);
    assert!(expected().await.unwrap().number().is_some());
    allow(&region, &policy[..1]);
    let error = expected().await.unwrap_err();
    assert_eq!(missing(&error), "autoscaling:DescribeAutoScalingGroups");
    allow(&region, &policy[1..]);
    let error = ask(&discovery, "orders").await.unwrap_err();
    assert_eq!(missing(&error), "ec2:DescribeInstances");
}

#[tokio::test]
async fn the_policy_to_assume_a_role_is_enough_and_needed_and_so_is_its_trust() {
    let [of_role, to_assume, trust] = [0, 2, 3].map(|n| policies("demo")[n].clone());
    let [trust] = &trust[..] else {
        panic!("{trust:?}");
    };
    assert_eq!(trust["Action"], "sts:AssumeRole");
    let asked_for = &trust["Condition"]["StringEquals"]["sts:ExternalId"];
    let trusted = |external_id: &str| {
        let of_account = region::Trust::of_account(region::account::ACCOUNT_ID);
        Some(of_account.with_external_id(external_id))
    };
    let (region, _) = orders().await;
    allow(&region, &to_assume);
    region.edit(|account| {
        let role = account.role_mut("ROLE");
        role.allow_only(Statements::read(&of_role).unwrap());
        role.trust = trusted(asked_for.as_str().unwrap());
    });
    let arn = to_assume[0]["Resource"].as_str().unwrap();
    let mut role = AssumedRole::new(arn.parse().unwrap());
    role.external_id = Some("EXTERNAL-ID".parse().unwrap());
    let assuming = async || ecs(&region, |ecs| ecs.client.role = Some(role.clone())).await;
    assert_eq!(
        ask(&assuming().await, "orders")
            .await
            .unwrap()
            .targets
            .len(),
        1
    );

    allow(&region, &[]);
    let error = ask(&assuming().await, "orders").await.unwrap_err();
    assert_eq!(missing(&error), "sts:AssumeRole");
    allow(&region, &to_assume);
    region.edit(|account| account.role_mut("ROLE").trust = trusted("another"));
    let error = ask(&assuming().await, "orders").await.unwrap_err();
    assert_eq!(missing(&error), "sts:AssumeRole");
}

/// What both ECS methods, and asking for the expected nodes, lack where this is allowed.
async fn missing_with(policy: &[Value]) -> BTreeSet<String> {
    let (region, own) = orders().await;
    allow(&region, policy);
    let service = ecs(&region, |_| ()).await;
    let own = task_set(&region, &own).await;
    let errors = [
        ask(&service, "orders").await.err(),
        ask(&own, "orders").await.err(),
        service
            .expected_nodes("orders", Duration::from_secs(5))
            .await
            .err(),
    ];
    errors.iter().flatten().map(missing).collect()
}

fn missing(error: &Error) -> String {
    match error {
        Error::AccessDenied { action, .. } => action.clone(),
        _ => panic!("{error}"),
    }
}

/// A task and an instance of `orders`.
async fn orders() -> (Region, TaskArn) {
    let region = Region::start().await;
    let task = region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.put_auto_scaling_group("group", 1);
        let instance = Instance::running().tag("service", "orders");
        account.run_instance(instance.in_group("group"));
        account.run_task(Task::of_service("demo", "orders"))
    });
    (region, task)
}

fn allow(region: &Region, policy: &[Value]) {
    let statements = Statements::read(policy).unwrap();
    region.edit(|account| account.role_mut("task-role").allow_only(statements));
}

/// The statements of each policy, in the order of the README, for the service in this cluster.
fn policies(cluster: &str) -> [Vec<Value>; 4] {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../discovery/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let policies: Vec<Vec<Value>> = readme
        .split("```json")
        .skip(1)
        .map(|rest| {
            let policy = rest.split("```").next().unwrap();
            let policy = policy
                .replace("REGION", "eu-west-1")
                .replace("ACCOUNT", "123456789012")
                .replace("CLUSTER", cluster)
                .replace("SERVICE", "orders");
            let policy: Value = serde_json::from_str(&policy).unwrap();
            policy["Statement"].as_array().unwrap().clone()
        })
        .collect();
    policies.try_into().unwrap()
}
