//! What a failed lookup says, and what can be done about it.

use discovery::{
    Discovery, Error,
    Remedy::{FixConfiguration, FixPermissions, RetryLater},
    config::{Ecs, Settings},
};
use region::{Fault, Region, Task};

use crate::support::{ask, calls, chain, client, ec2, ecs, ready};

#[tokio::test]
async fn every_code_is_grouped_by_what_can_be_done() {
    let region = Region::start().await;
    one(&region);
    let (ecs, ec2) = (ecs(&region, |_| ()).await, ec2(&region, |_| ()).await);
    for (status, code, remedy) in [
        (400, "ThrottlingException", RetryLater),
        (503, "RequestLimitExceeded", RetryLater),
        (503, "EC2ThrottledException", RetryLater),
        (500, "ServerException", RetryLater),
        (500, "InternalError", RetryLater),
        (503, "Unavailable", RetryLater),
        (503, "ServiceUnavailable", RetryLater),
        (400, "AccessDeniedException", FixPermissions),
        (403, "UnauthorizedOperation", FixPermissions),
        (400, "ClientException", FixConfiguration),
        (400, "InvalidParameterException", FixConfiguration),
        (400, "InvalidParameterValue", FixConfiguration),
        (400, "ClusterNotFoundException", FixConfiguration),
        (400, "ServiceNotFoundException", FixConfiguration),
        (400, "UnrecognizedClientException", FixConfiguration),
        (401, "AuthFailure", FixConfiguration),
        (400, "ExpiredTokenException", FixConfiguration),
        (400, "RequestExpired", FixConfiguration),
        (403, "SignatureDoesNotMatch", FixConfiguration),
    ] {
        region.faults().clear();
        region.faults().add(Fault::Error { status, code });
        for (discovery, attempted) in [
            (
                &ecs,
                "listing the tasks of service `orders` in cluster `demo`",
            ),
            (&ec2, "describing the instances with tag `service=orders`"),
        ] {
            let error = ask(discovery, "orders").await.unwrap_err();
            assert_eq!(error.remedy(), remedy, "{code}: {error}");
            assert!(error.to_string().starts_with(attempted), "{code}: {error}");
            assert!(chain(&error).contains(code), "{code}: {}", chain(&error));
        }
    }
}

#[tokio::test]
async fn a_throttled_call_is_made_once() {
    let region = Region::start().await;
    one(&region);
    region.faults().add(Fault::Throttle);
    for discovery in [ecs(&region, |_| ()).await, ec2(&region, |_| ()).await] {
        region.reset_calls();
        let error = ask(&discovery, "orders").await.unwrap_err();
        assert!(matches!(error, Error::Throttled { .. }), "{error}");
        assert_eq!(region.calls().log().len(), 1);
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_with_its_resource() {
    let region = Region::start().await;
    let task = one(&region);
    for (denied, on) in [
        ("ecs:ListTasks", "on *".to_owned()),
        ("ecs:DescribeTasks", format!("on {task}")),
    ] {
        region.edit(|account| {
            account.roles.clear();
            account.role_mut("task-role").deny(denied);
        });
        let error = ask(&ecs(&region, |_| ()).await, "orders")
            .await
            .unwrap_err();
        let Error::AccessDenied {
            action, resource, ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(action, denied);
        assert!(resource.is_some());
        let message = error.to_string();
        assert!(
            message.ends_with(&format!("not authorized to perform {denied} {on}")),
            "{message}"
        );
        assert!(chain(&error).contains("assumed-role/task-role/test"));
    }
}

#[tokio::test]
async fn ec2_names_the_missing_permission_without_a_resource() {
    let region = Region::start().await;
    region.edit(|account| account.role_mut("task-role").deny("ec2:DescribeInstances"));
    let error = ask(&ec2(&region, |_| ()).await, "orders")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "describing the instances with tag `service=orders`: \
         not authorized to perform ec2:DescribeInstances"
    );
}

#[tokio::test]
async fn an_unknown_cluster_or_service_is_named() {
    let region = Region::start().await;
    one(&region);
    let elsewhere = ecs(&region, |ecs| "prod".clone_into(&mut ecs.cluster)).await;
    let error = ask(&elsewhere, "orders").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "listing the tasks of service `orders` in cluster `prod`: \
         there is no such cluster in this account and region"
    );
    let error = ask(&ecs(&region, |_| ()).await, "payments")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "listing the tasks of service `payments` in cluster `demo`: \
         there is no such service in this cluster"
    );
}

#[tokio::test]
async fn a_filter_that_ec2_does_not_know_is_a_matter_of_configuration() {
    let region = Region::start().await;
    let discovery = ec2(&region, |ec2| ec2.filters = "nonsense=1".parse().unwrap()).await;
    let error = ask(&discovery, "orders").await.unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }), "{error}");
    assert!(chain(&error).contains("nonsense"), "{}", chain(&error));
}

#[tokio::test]
async fn an_endpoint_that_nobody_serves_is_unreachable() {
    let region = Region::start().await;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let change = |client: &mut discovery::config::Client| client.endpoint = Some(endpoint.clone());
    for discovery in [
        ecs(&region, |ecs| change(&mut ecs.client)).await,
        ec2(&region, |ec2| change(&mut ec2.client)).await,
    ] {
        let error = ask(&discovery, "orders").await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert_eq!(error.remedy(), RetryLater);
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn expired_credentials_are_told_from_missing_permissions() {
    let region = Region::start().await;
    one(&region);
    let discoveries = [ecs(&region, |_| ()).await, ec2(&region, |_| ()).await];
    region.edit(region::Account::expire_credentials);
    for discovery in discoveries {
        let error = ask(&discovery, "orders").await.unwrap_err();
        assert!(
            matches!(error, Error::CredentialsRejected { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_anything_is_asked() {
    let region = Region::start().await;
    let mut settings = Ecs::in_cluster("");
    settings.client = client(&region);
    let error = Discovery::new(Settings::Ecs(settings)).await.unwrap_err();
    assert_eq!(error.to_string(), "cluster: is empty");

    let discovery = ecs(&region, |_| ()).await;
    let error = ask(&discovery, " ").await.unwrap_err();
    assert_eq!(error.to_string(), "service-name: is empty");
    assert_eq!(error.remedy(), FixConfiguration);
    assert_eq!(region.calls().log().len(), 0);
}

#[tokio::test]
async fn a_lookup_without_end_is_no_overflow() {
    let region = Region::start().await;
    one(&region);
    let discovery = ecs(&region, |_| ()).await;
    let lookup = discovery::Lookup::new("orders");
    let resolved = discovery.lookup(&lookup, std::time::Duration::MAX).await;
    assert_eq!(resolved.unwrap().targets.len(), 1);
}

#[tokio::test]
async fn a_fixed_list_never_fails() {
    let targets = "10.0.0.2:7626,10.0.0.1".parse().unwrap();
    let fixed = discovery::config::Fixed::new(targets);
    let discovery = ready(Settings::Config(fixed)).await;
    let resolved = ask(&discovery, "orders").await.unwrap();
    assert_eq!(
        crate::support::addresses(&resolved),
        ["10.0.0.1", "10.0.0.2:7626"]
    );
    assert!(resolved.completeness.is_complete());
    assert_eq!(resolved.targets[0].id, "10.0.0.1");
    assert_eq!(calls(&resolved), []);
}

fn one(region: &Region) -> region::TaskArn {
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(Task::of_service("demo", "orders"))
    })
}
