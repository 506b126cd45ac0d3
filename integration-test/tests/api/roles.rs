//! A role that is assumed for the calls, in another account than the caller's.

use std::{net::Ipv4Addr, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use discovery::{
    Discovery, Error, Outcome, Remedy,
    config::{AssumedRole, Client},
};
use integration_test::sdk_config;
use region::{Action, Fault, Region, Task, policy::Statements};
use serde_json::json;

use crate::support::{addresses, ask, chain, ecs, logged, look};

/// Where the caller is. The services are in the account of the region.
const HOME: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::123456789012:role/reader";
const ID: &str = "shop-orders";

/// A service with a task, and a role that may list and describe and is trusted with the external id.
async fn region() -> Region {
    let region = Region::start().await;
    let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/demo";
    let statements = [json!({
        "Effect": "Allow",
        "Action": ["ecs:ListTasks", "ecs:DescribeTasks"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"ecs:cluster": cluster}},
    })];
    let statements = Statements::read(&statements).unwrap();
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(Task::of_service("demo", "orders").at(Ipv4Addr::new(10, 0, 1, 1)));
        let role = account.role_mut("reader");
        role.allow_only(statements);
        role.trust = Some(region::Trust::of_account(HOME).with_external_id(ID));
    });
    region
}

/// With credentials of the other account.
fn from_home(region: &Region) -> Client {
    let credentials = region.foreign_credentials(HOME, "task-role", "home");
    let credentials = Credentials::new(
        credentials.access_key_id,
        credentials.secret_access_key,
        Some(credentials.session_token),
        Some(credentials.expires_at),
        "home",
    );
    let config = sdk_config(region, "unused", "unused").into_builder();
    let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    Client::from(config.build())
}

fn reader(external_id: Option<&str>) -> AssumedRole {
    let mut role = AssumedRole::new(ROLE.parse().unwrap());
    role.external_id = external_id.map(|id| id.parse().unwrap());
    role.session_name = Some("orders@10.0.0.9".parse().unwrap());
    role
}

async fn assuming(region: &Region, role: AssumedRole) -> Discovery {
    ecs(region, |ecs| {
        ecs.client = from_home(region);
        ecs.client.role = Some(role);
    })
    .await
}

#[tokio::test]
async fn services_of_another_account_are_seen_by_a_role_there_and_not_without() {
    let region = region().await;
    let without = ecs(&region, |ecs| ecs.client = from_home(&region)).await;
    let error = ask(&without, "orders").await.unwrap_err();
    assert!(matches!(error, Error::NoSuchCluster { .. }), "{error:?}");

    let discovery = assuming(&region, reader(Some(ID))).await;
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
    let calls = region.calls();
    let assumed = calls.of(Action::AssumeRole).next().unwrap();
    assert_eq!(assumed.parameters["RoleSessionName"], "orders@10.0.0.9");
    assert_eq!(assumed.parameters["ExternalId"], ID);
    let listed = calls.of(Action::ListTasks).last().unwrap();
    let caller = listed.caller.as_ref().unwrap().arn();
    assert_eq!(
        caller,
        "arn:aws:sts::123456789012:assumed-role/reader/orders@10.0.0.9"
    );
}

#[tokio::test]
async fn the_roles_own_policy_decides_what_it_may() {
    let region = region().await;
    let discovery = assuming(&region, reader(Some(ID))).await;
    let number = discovery.expected_nodes("orders", Duration::from_secs(5));
    let Err(Error::AccessDenied { action, .. }) = number.await else {
        panic!("it may not describe services");
    };
    assert_eq!(action, "ecs:DescribeServices");
}

#[tokio::test]
async fn a_wrong_external_id_is_denied_and_named_and_logs_nothing_besides() {
    let region = region().await;
    for (id, said) in [
        (Some("other"), "with the external id `other`"),
        (None, "without an external id"),
    ] {
        let discovery = assuming(&region, reader(id)).await;
        let (error, log) = logged(ask(&discovery, "orders")).await;
        let error = error.unwrap_err();
        assert_eq!(error.remedy(), Remedy::FixPermissions);
        let expected = format!(
            "assuming the role {ROLE} {said}: not authorized to perform sts:AssumeRole on {ROLE}\n\
             AccessDenied: User: arn:aws:sts::{HOME}:assumed-role/task-role/home is not authorized \
             to perform: sts:AssumeRole on resource: {ROLE}"
        );
        assert_eq!(chain(&error), expected);
        assert_eq!(log, "");
        // The call itself was not made, so nobody has denied it.
        let counts = discovery.calls();
        assert_eq!(counts[&("ListTasks", Outcome::Failed)], 1, "{counts:?}");
    }
    assert_eq!(region.calls().count(Action::ListTasks), 0);
}

#[tokio::test]
async fn credentials_of_the_role_are_kept_while_they_last_and_asked_for_again_before_they_end() {
    let region = region().await;
    let discovery = assuming(&region, reader(Some(ID))).await;
    look(&discovery, "orders").await;
    look(&discovery, "orders").await;
    assert_eq!(region.calls().count(Action::AssumeRole), 1);

    // The SDK asks anew for those that last for less than some seconds.
    region.edit(|account| {
        account.role_mut("reader").session_lifetime = Some(Duration::from_secs(2));
    });
    let discovery = assuming(&region, reader(Some(ID))).await;
    region.reset_calls();
    look(&discovery, "orders").await;
    look(&discovery, "orders").await;
    let keys = |calls: &region::Calls| calls.count(Action::AssumeRole);
    assert!(2 <= keys(&region.calls()), "{:?}", region.calls().counts());
}

#[tokio::test]
async fn what_fails_on_the_way_to_the_role_can_be_asked_again() {
    let region = region().await;
    let discovery = assuming(&region, reader(Some(ID))).await;
    let failed = async |fault: Fault| {
        region.faults().add(fault.on([Action::AssumeRole]).next(1));
        let error = ask(&discovery, "orders").await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::RetryLater, "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("assuming the role"), "{text}");
        error
    };
    let throttled = failed(Fault::Throttle).await;
    assert!(
        matches!(throttled, Error::Throttled { .. }),
        "{throttled:?}"
    );
    let fault = Fault::Error {
        status: 503,
        code: "ServiceUnavailable",
    };
    let fault = failed(fault).await;
    assert!(matches!(fault, Error::ServerFault { .. }), "{fault:?}");
    failed(Fault::EmptyBody).await;
    assert_eq!(addresses(&look(&discovery, "orders").await), ["10.0.1.1"]);
}

#[tokio::test]
async fn credentials_that_are_to_assume_it_and_have_expired_are_named_so() {
    let region = region().await;
    let discovery = assuming(&region, reader(Some(ID))).await;
    region.edit(region::Account::expire_credentials);
    let error = ask(&discovery, "orders").await.unwrap_err();
    let Error::CredentialsRejected { code, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(code, "ExpiredToken");
    assert!(
        error.to_string().starts_with("assuming the role"),
        "{error}"
    );
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_named() {
    let region = region().await;
    let discovery = ecs(&region, |ecs| {
        ecs.client = from_home(&region);
        ecs.client.role = Some(reader(Some(ID)));
        ecs.client.endpoint = Some("http://127.0.0.1:1".to_owned());
    })
    .await;
    let error = ask(&discovery, "orders").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    let end = "the endpoint http://127.0.0.1:1 could not be reached";
    assert!(
        text.starts_with("assuming the role") && text.ends_with(end),
        "{text}"
    );
}
