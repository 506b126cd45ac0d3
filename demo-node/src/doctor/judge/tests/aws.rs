//! What AWS is asked, and whether it answers.

use super::*;

#[test]
fn a_wrong_region() {
    check(
        |facts| {
            facts.asked.region = Some("us-east-1".to_owned());
            facts.lookup = Err(Error::CredentialsRejected {
                attempt: attempt(),
                code: "InvalidSignatureException".to_owned(),
                source: "scope".into(),
            });
        },
        Code::WrongRegion,
        Failure,
        "Set discovery.aws-api-ecs.region, or AWS_REGION if that is not set, to eu-west-1.",
    );
    // On an instance the zone tells it.
    check(
        |facts| {
            facts.here.task = None;
            facts.asked.region = Some("us-east-1".to_owned());
        },
        Code::WrongRegion,
        Failure,
        "to eu-west-1",
    );
}

#[test]
fn a_wrong_cluster() {
    let none = |facts: &mut Facts| {
        facts.asked.scope = Scope::EcsCluster("nowhere".to_owned());
        facts.lookup = Err(Error::NoSuchCluster {
            attempt: attempt(),
            source: "ClusterNotFoundException".into(),
        });
    };
    let set = "Set discovery.aws-api-ecs.cluster to demo.";
    let diagnosis = check(none, Code::WrongCluster, Failure, set);
    assert_eq!(diagnosis.findings.len(), 1, "{diagnosis:#?}");
    let elsewhere = |facts: &mut Facts| {
        none(facts);
        facts.here.task = None;
    };
    let compare = "aws ecs list-clusters";
    check(elsewhere, Code::WrongCluster, Failure, compare);
}

#[test]
fn a_wrong_service() {
    let none = |facts: &mut Facts| {
        facts.asked.service = "billing".to_owned();
        facts.lookup = Err(Error::NoSuchService {
            attempt: attempt(),
            source: "ServiceNotFoundException".into(),
        });
    };
    let set = "Set bootstrap.service-name to orders.";
    check(none, Code::WrongService, Failure, set);
    let elsewhere = |facts: &mut Facts| {
        none(facts);
        facts.here.task.as_mut().unwrap().service = None;
    };
    check(
        elsewhere,
        Code::WrongService,
        Failure,
        "aws ecs list-services",
    );
}

#[test]
fn another_service_or_cluster_than_any_of_several() {
    let several = |facts: &mut Facts| {
        facts.asked.services = ["api", "workers/batch"].map(str::to_owned).to_vec();
    };
    let none = |facts: &mut Facts| {
        several(facts);
        facts.here.task.as_mut().unwrap().service = Some("orders".to_owned());
    };
    let add = "Add orders to discovery.aws-api-ecs.services.";
    check(none, Code::WrongService, Failure, add);
    let in_another = |facts: &mut Facts| {
        several(facts);
        let task = facts.here.task.as_mut().unwrap();
        task.cluster = Some("workers".to_owned());
        task.service = Some("batch".to_owned());
        denied(facts, "ecs:DescribeServices");
    };
    let both = "on the resource arn:aws:ecs:eu-west-1:123456789012:service/demo/api, \
                arn:aws:ecs:eu-west-1:123456789012:service/workers/batch (a condition may be that \
                ecs:cluster is arn:aws:ecs:eu-west-1:123456789012:cluster/demo or \
                arn:aws:ecs:eu-west-1:123456789012:cluster/workers)";
    let diagnosis = check(in_another, Code::MissingPermission, Warning, both);
    let codes: Vec<_> = diagnosis.findings.iter().map(|it| it.code).collect();
    assert!(!codes.contains(&Code::WrongService), "{codes:?}");
    assert!(!codes.contains(&Code::WrongCluster), "{codes:?}");
}

#[test]
fn each_missing_permission_is_named_with_its_resource() {
    let error = |action: &str| Error::AccessDenied {
        attempt: attempt(),
        action: action.to_owned(),
        resource: Some("*".to_owned()),
        source: "AccessDeniedException".into(),
    };
    for (action, severity, resource) in [
        (
            "ecs:ListTasks",
            Failure,
            "on the resource * (a condition may be that ecs:cluster is \
          arn:aws:ecs:eu-west-1:123456789012:cluster/demo)",
        ),
        (
            "ecs:DescribeTasks",
            Failure,
            "arn:aws:ecs:eu-west-1:123456789012:task/demo/*",
        ),
        (
            "ecs:DescribeServices",
            Warning,
            "arn:aws:ecs:eu-west-1:123456789012:service/demo/orders",
        ),
    ] {
        let change = |facts: &mut Facts| {
            denied(facts, action);
            if severity == Failure {
                facts.lookup = Err(error(action));
                facts.points.clear();
            } else {
                facts.told = Some(Told::Failed(error(action)));
            }
        };
        let diagnosis = check(change, Code::MissingPermission, severity, resource);
        let first = &diagnosis.findings[0];
        assert_eq!(first.about, [action]);
        assert!(
            first
                .message
                .starts_with("The role node lacks the permission"),
            "{first:?}"
        );
    }
}

#[test]
fn aws_that_does_not_answer_and_credentials_that_do_not_count() {
    let unreachable = || Error::Unreachable {
        attempt: attempt(),
        endpoint: "the endpoint".to_owned(),
        source: "refused".into(),
    };
    check(
        |facts| facts.lookup = Err(unreachable()),
        Code::AwsUnreachable,
        Failure,
        "outbound TCP 443",
    );
    let none = || Error::NoCredentials {
        attempt: attempt(),
        source: "none".into(),
    };
    check(
        |facts| facts.lookup = Err(none()),
        Code::NoCredentials,
        Failure,
        "Give the task or instance a role",
    );
    check(
        |facts| facts.lookup = Err(Error::NoRegion),
        Code::NoRegion,
        Failure,
        "AWS_REGION",
    );
    check(
        |facts| facts.lookup = Err(Error::NotInTask),
        Code::LookupFailed,
        Failure,
        "Correct the setting",
    );
}

#[test]
fn a_number_that_cannot_be_asked_for_comes_before_asking_again() {
    let unreachable = || Error::Unreachable {
        attempt: Attempt::new("ecs:DescribeServices", "asking for the number"),
        endpoint: "the endpoint".to_owned(),
        source: "refused".into(),
    };
    let fails = |facts: &mut Facts| {
        facts.told = Some(Told::Failed(unreachable()));
        // Nor was any other node told.
        for point in &mut facts.points {
            if let Management::Proven(proven) = &mut point.management {
                proven.expected = None;
            }
        }
        facts.here.node = None;
    };
    let diagnosis = check(
        fails,
        Code::ExpectedUnknown,
        Warning,
        "Make sure that ecs:DescribeServices is answered",
    );
    for part in ["endpoint", "or set bootstrap.expected-nodes to the number"] {
        assert!(diagnosis.first.contains(part), "{}", diagnosis.first);
    }
}
