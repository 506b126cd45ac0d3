//! Whatever comes back, the clients neither panic nor hang, and nothing passes for a complete view
//! that was not one.

use std::time::Duration;

use discovery::{Completeness, Discovery, Error, Lookup, Remedy, Resolved};
use proptest::{prelude::*, test_runner::TestRunner};
use region::{Action, Fault, Instance, Region, Task};
use serde_json::json;

use crate::support::{Answer, Script};

/// Each case starts a server of its own.
const CASES: u32 = 64;

#[test]
fn any_bytes_are_an_error_of_the_right_kind() {
    let answers = (status(), prop::collection::vec(any::<u8>(), 0..200));
    each(&answers, async |(status, body)| {
        let (_script, clients) = both((status, body)).await;
        for discovery in clients {
            judge(status, &look(&discovery).await)?;
        }
        Ok(())
    });
}

#[test]
fn any_json_is_an_error_of_the_right_kind() {
    let answers = (status(), json_like());
    each(&answers, async |(status, body)| {
        let (_script, clients) = both((status, body.into_bytes())).await;
        for discovery in clients {
            judge(status, &look(&discovery).await)?;
        }
        Ok(())
    });
}

#[test]
fn any_xml_is_an_error_of_the_right_kind() {
    let tag = prop::sample::select(vec![
        "DescribeInstancesResponse",
        "reservationSet",
        "item",
        "instancesSet",
        "nextToken",
        "Errors",
        "Error",
        "Code",
        "privateIpAddress",
    ]);
    let piece = (tag, 0..3_u8).prop_map(|(tag, kind)| match kind {
        0 => format!("<{tag}>"),
        1 => format!("</{tag}>"),
        _ => format!("<{tag}/>x"),
    });
    let answers = (status(), prop::collection::vec(piece, 0..12));
    each(&answers, async |(status, pieces)| {
        let (_script, clients) = both((status, pieces.concat().into_bytes())).await;
        for discovery in clients {
            judge(status, &look(&discovery).await)?;
        }
        Ok(())
    });
}

/// Cut anywhere: at best an error, at least no complete view that lacks somebody.
#[tokio::test]
async fn an_answer_that_is_cut_short_is_never_complete() {
    let page = json!({
        "taskArns": ["arn:aws:ecs:eu-west-1:1:task/demo/1", "arn:aws:ecs:eu-west-1:1:task/demo/2"],
        "nextToken": "a",
    })
    .to_string();
    let task = |number: u8| {
        json!({
            "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/demo/{number}"),
            "lastStatus": "RUNNING",
            "containers": [{"networkInterfaces": [{"privateIpv4Address": "10.0.0.1"}]}],
        })
    };
    let tasks = json!({"tasks": [task(1), task(2)], "failures": []}).to_string();
    for cut in 0..page.len() {
        let (page, tasks) = (part(&page, cut), whole(&tasks));
        let script = Script::start([("ListTasks", vec![page]), ("DescribeTasks", vec![tasks])]);
        not_complete(&look(&script.await.ecs().await).await, cut);
    }
    let all = r#"{"taskArns":["arn:aws:ecs:eu-west-1:1:task/demo/1","arn:aws:ecs:eu-west-1:1:task/demo/2"]}"#;
    for cut in 0..tasks.len() {
        let (page, tasks) = (whole(all), part(&tasks, cut));
        let script = Script::start([("ListTasks", vec![page]), ("DescribeTasks", vec![tasks])]);
        not_complete(&look(&script.await.ecs().await).await, cut);
    }
    let instances = "<DescribeInstancesResponse><reservationSet><item><instancesSet>\
        <item><instanceId>i-1</instanceId></item><item><instanceId>i-2</instanceId></item>\
        </instancesSet></item></reservationSet><nextToken>a</nextToken></DescribeInstancesResponse>";
    for cut in 0..instances.len() {
        let script = Script::start([("DescribeInstances", vec![part(instances, cut)])]);
        not_complete(&look(&script.await.ec2().await).await, cut);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_mid_answer_is_an_error() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(Task::of_service("demo", "orders"));
        account.run_instance(Instance::running().tag("service", "orders"));
    });
    for action in [
        Action::ListTasks,
        Action::DescribeTasks,
        Action::DescribeInstances,
    ] {
        region.faults().clear();
        region.faults().add(Fault::MalformedBody.on([action]));
        let discovery = match action {
            Action::DescribeInstances => crate::support::ec2(&region, |_| ()).await,
            _ => crate::support::ecs(&region, |_| ()).await,
        };
        let error = look(&discovery).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::RetryLater, "{error}");
    }
}

/// Both clients, at an endpoint that gives every call this answer.
async fn both(answer: Answer) -> (Script, [Discovery; 2]) {
    let actions = ["ListTasks", "DescribeTasks", "DescribeInstances"];
    let script = Script::start(actions.map(|action| (action, vec![answer.clone()]))).await;
    let clients = [script.ecs().await, script.ec2().await];
    (script, clients)
}

async fn look(discovery: &Discovery) -> Result<Resolved, Error> {
    let lookup = Lookup::new("orders");
    Box::pin(discovery.lookup(&lookup, Duration::from_secs(5))).await
}

/// Made-up answers name no task that could be found.
fn judge(status: u16, outcome: &Result<Resolved, Error>) -> Result<(), TestCaseError> {
    match outcome {
        Ok(resolved) => {
            prop_assert_eq!(status, 200);
            prop_assert_eq!(&resolved.targets, &[]);
        }
        Err(Error::TimedOut { .. }) => prop_assert!(false, "it hung"),
        Err(error) if 500 <= status => prop_assert_eq!(error.remedy(), Remedy::RetryLater),
        Err(
            Error::Undecodable { .. }
            | Error::Rejected { .. }
            | Error::Throttled { .. }
            | Error::RepeatedPage { .. },
        ) => {}
        Err(error) => prop_assert!(false, "{status}: {error}"),
    }
    Ok(())
}

fn not_complete(outcome: &Result<Resolved, Error>, cut: usize) {
    match outcome {
        Ok(resolved) => assert_ne!(
            resolved.completeness,
            Completeness::Complete,
            "cut at {cut}"
        ),
        Err(error) => assert_eq!(error.remedy(), Remedy::RetryLater, "cut at {cut}: {error}"),
    }
}

fn each<S: Strategy>(
    strategy: &S,
    mut test: impl AsyncFnMut(S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(CASES)
    };
    let mut runner = TestRunner::new(config);
    let test = std::cell::RefCell::new(&mut test);
    runner
        .run(strategy, |value| {
            let mut test = test.borrow_mut();
            runtime.block_on(test(value))
        })
        .unwrap();
}

fn whole(body: &str) -> Answer {
    (200, body.as_bytes().to_vec())
}

fn part(body: &str, length: usize) -> Answer {
    (200, body.as_bytes()[..length].to_vec())
}

fn status() -> impl Strategy<Value = u16> {
    prop::sample::select(vec![200, 200, 200, 400, 403, 404, 429, 500, 503])
}

/// Objects with the members of real answers, and values of any type.
fn json_like() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        "[a-zA-Z#./ -]{0,20}".prop_map(|it| json!(it)),
    ];
    let name = prop::sample::select(vec![
        "taskArns",
        "nextToken",
        "tasks",
        "failures",
        "arn",
        "__type",
        "message",
        "attachments",
        "containers",
        "x",
    ]);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|it| json!(it)),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|it| json!(it)),
        ]
    })
    .prop_map(|it| it.to_string())
}
