//! The operations as functions of an account and a body.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::answer;
use crate::account::identity::Caller;
use crate::account::task::{Task, TaskArn, TaskStatus};
use crate::account::{ACCOUNT_ID, Account, REGION};
use crate::calls::Action;
use crate::faults::PagingFaults;

const ARNS: &str = "arn:aws:ecs:eu-west-1:123456789012";

#[test]
fn listing_goes_by_every_filter() {
    let mut account = account();
    let orders = account.run_task(Task::of_service("demo", "orders"));
    let payments = account.run_task(Task::of_service("demo", "payments"));
    let batch = account.run_task(Task::standalone("demo", "batch").started_by("me"));
    let on_instance = "0123456789abcdef0123456789abcdef";
    let hosted =
        account.run_task(Task::standalone("demo", "hosted").on_container_instance(on_instance));
    account.run_task(Task::standalone("other", "batch"));
    let deployment = account.task(&orders).started_by.clone().unwrap();

    let lists = |filter: Value, expected: &[&TaskArn]| lists(&account, filter, expected);
    lists(json!({}), &[&orders, &payments, &batch, &hosted]);
    lists(json!({"serviceName": "orders"}), &[&orders]);
    let arn = format!("{ARNS}:service/demo/payments");
    lists(json!({"serviceName": arn}), &[&payments]);
    lists(json!({"startedBy": deployment}), &[&orders]);
    lists(json!({"startedBy": "me"}), &[&batch]);
    lists(json!({"startedBy": "nobody"}), &[]);
    lists(json!({"family": "batch"}), &[&batch]);
    lists(json!({"launchType": "EC2"}), &[&hosted]);
    lists(json!({"containerInstance": on_instance}), &[&hosted]);
    let arn = format!("{ARNS}:container-instance/demo/{on_instance}");
    lists(json!({"containerInstance": arn}), &[&hosted]);
    lists(json!({"family": "batch", "launchType": "EC2"}), &[]);
}

#[test]
fn listing_goes_by_the_desired_status_not_the_last_one() {
    let mut account = account();
    let starting = Task::of_service("demo", "orders").status(TaskStatus::Provisioning);
    let starting = account.run_task(starting);
    let stopping = account.run_task(Task::of_service("demo", "orders"));
    account.stop_task(&stopping);
    assert_eq!(
        account.task(&stopping).last_status,
        TaskStatus::Deactivating
    );

    lists(&account, json!({}), &[&starting]);
    lists(&account, json!({"desiredStatus": "RUNNING"}), &[&starting]);
    lists(&account, json!({"desiredStatus": "PENDING"}), &[]);
    lists(&account, json!({"desiredStatus": "STOPPED"}), &[&stopping]);
}

#[test]
fn an_omitted_cluster_is_the_one_called_default() {
    let mut account = account();
    assert_eq!(
        refusal(&account, Action::ListTasks, &json!({})),
        "ClusterNotFoundException: Cluster not found."
    );
    let task = account.run_task(Task::standalone("default", "batch"));
    let listed = call(&account, Action::ListTasks, &json!({})).unwrap();
    assert_eq!(listed, json!({"taskArns": [task.as_str()]}));
    let by_arn = json!({"cluster": format!("{ARNS}:cluster/default")});
    assert_eq!(call(&account, Action::ListTasks, &by_arn).unwrap(), listed);
}

#[test]
fn listing_refuses_what_ecs_refuses() {
    let account = account();
    let refuses = |mut body: Value, expected: &str| {
        body["cluster"]
            .as_str()
            .is_none()
            .then(|| body["cluster"] = "demo".into());
        assert_eq!(refusal(&account, Action::ListTasks, &body), expected);
    };
    let started_by = "InvalidParameterException: cannot specify startedBy with other arguments";
    refuses(json!({"startedBy": "x", "family": "y"}), started_by);
    refuses(json!({"startedBy": "x", "launchType": "EC2"}), started_by);
    refuses(
        json!({"startedBy": "x", "serviceName": "orders"}),
        started_by,
    );
    refuses(
        json!({"startedBy": "x", "desiredStatus": "RUNNING"}),
        started_by,
    );
    let service = "InvalidParameterException: cannot specify serviceName with other arguments";
    refuses(json!({"serviceName": "orders", "family": "y"}), service);
    refuses(
        json!({"serviceName": "orders", "launchType": "EC2"}),
        service,
    );
    refuses(
        json!({"serviceName": "orders", "containerInstance": "y"}),
        service,
    );
    refuses(
        json!({"containerInstance": "x", "family": "y"}),
        "InvalidParameterException: cannot specify containerInstance with other arguments",
    );
    let size = "InvalidParameterException: maxResults must be between 1 and 100.";
    refuses(json!({"maxResults": 0}), size);
    refuses(json!({"maxResults": 101}), size);
    refuses(json!({"maxResults": -1}), size);
    refuses(
        json!({"desiredStatus": "running"}),
        "InvalidParameterException: desiredStatus must be one of RUNNING, PENDING, STOPPED.",
    );
    refuses(
        json!({"launchType": "MOON"}),
        "InvalidParameterException: Invalid launch type.",
    );
    refuses(
        json!({"nextToken": "made-up"}),
        "InvalidParameterException: Invalid token.",
    );
    refuses(
        json!({"serviceName": "absent"}),
        "ServiceNotFoundException: Service not found.",
    );
    refuses(
        json!({"cluster": "absent"}),
        "ClusterNotFoundException: Cluster not found.",
    );
    let elsewhere = "arn:aws:ecs:us-east-1:123456789012:cluster/demo";
    refuses(
        json!({"cluster": elsewhere}),
        "ClusterNotFoundException: Cluster not found.",
    );
    refuses(
        json!({"cluster": "a b"}),
        "InvalidParameterException: Invalid cluster name.",
    );
    let unknown = refusal(&account, Action::ListTasks, &json!({"services": "orders"}));
    assert!(unknown.starts_with("SerializationException: "), "{unknown}");
}

#[test]
fn a_token_is_good_only_for_the_list_it_came_from() {
    let mut account = account();
    for _ in 0..3 {
        account.run_task(Task::of_service("demo", "orders"));
    }
    let first = json!({"cluster": "demo", "serviceName": "orders", "maxResults": 2});
    let first = call(&account, Action::ListTasks, &first).unwrap();
    let token = &first["nextToken"];
    let next = |service: &str| json!({"cluster": "demo", "serviceName": service, "maxResults": 2, "nextToken": token});
    let second = call(&account, Action::ListTasks, &next("orders")).unwrap();
    assert_eq!(second["taskArns"].as_array().unwrap().len(), 1);
    assert_eq!(second["nextToken"], Value::Null);
    assert_eq!(
        refusal(&account, Action::ListTasks, &next("payments")),
        "InvalidParameterException: Invalid token."
    );
}

#[test]
fn describing_takes_ids_and_arns_and_reports_what_is_gone() {
    let mut account = account();
    let here = account.run_task(Task::of_service("demo", "orders"));
    let elsewhere = account.run_task(Task::standalone("other", "batch"));
    let gone = account.run_task(Task::of_service("demo", "orders"));
    account.forget_task(&gone);

    let body = json!({
        "cluster": "demo",
        "tasks": [here.id(), elsewhere.as_str(), elsewhere.id(), gone.as_str()],
    });
    let answer = call(&account, Action::DescribeTasks, &body).unwrap();
    let tasks = answer["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["taskArn"], here.as_str());
    let mut missing = [
        elsewhere.as_str().to_owned(),
        format!("{ARNS}:task/demo/{}", elsewhere.id()),
        gone.as_str().to_owned(),
    ];
    missing.sort();
    let missing = missing.map(|arn| json!({"arn": arn, "reason": "MISSING"}));
    assert_eq!(answer["failures"], json!(missing));
}

#[test]
fn describing_refuses_what_ecs_refuses() {
    let account = account();
    let id = "0123456789abcdef0123456789abcdef";
    let refuses = |body: Value, expected: &str| {
        let mut with_cluster = body;
        with_cluster["cluster"] = "demo".into();
        assert_eq!(
            refusal(&account, Action::DescribeTasks, &with_cluster),
            expected
        );
    };
    let empty = "InvalidParameterException: Tasks cannot be empty.";
    refuses(json!({}), empty);
    refuses(json!({"tasks": []}), empty);
    refuses(
        json!({"tasks": vec![id; 101]}),
        "InvalidParameterException: Tasks cannot contain more than 100 items.",
    );
    refuses(
        json!({"tasks": ["short"]}),
        "InvalidParameterException: taskId length should be one of [32,36]",
    );
    refuses(
        json!({"tasks": [id], "include": ["CONTAINERS"]}),
        "InvalidParameterException: include must be TAGS.",
    );
}

#[test]
fn a_task_is_shown_with_its_interface_in_both_places() {
    let mut account = account();
    let task = Task::of_service("demo", "orders")
        .at([10, 0, 1, 2].into())
        .at_v6("2001:db8::2".parse().unwrap())
        .tag("colour", "blue")
        .container("sidecar")
        .with_service_connect();
    let task = describe(&mut account, task);

    assert_eq!(task["attachments"][0]["type"], "Service Connect");
    let eni = &task["attachments"][1];
    assert_eq!(eni["type"], "ElasticNetworkInterface");
    assert_eq!(eni["status"], "ATTACHED");
    let address = json!({"name": "privateIPv4Address", "value": "10.0.1.2"});
    assert!(eni["details"].as_array().unwrap().contains(&address));
    let interface = json!([{
        "attachmentId": eni["id"],
        "privateIpv4Address": "10.0.1.2",
        "ipv6Address": "2001:db8::2",
    }]);
    assert_eq!(task["containers"][0]["networkInterfaces"], interface);
    assert_eq!(task["containers"][1]["networkInterfaces"], interface);
    assert_eq!(task["containers"][1]["name"], "sidecar");
    assert_eq!(task["tags"], json!([{"key": "colour", "value": "blue"}]));
    assert_eq!(task["createdAt"], 1_750_000_000.25);
    assert_eq!(task["group"], "service:orders");
    assert_eq!(task["containerInstanceArn"], Value::Null);
}

#[test]
fn a_task_shows_no_more_than_it_is_told_to() {
    let mut account = account();
    let task = || Task::of_service("demo", "orders").at([10, 0, 1, 2].into());

    let shown = describe(&mut account, task().without_attachment());
    assert_eq!(shown["attachments"], json!([]));
    assert_ne!(shown["containers"][0]["networkInterfaces"], json!([]));

    let shown = describe(&mut account, task().without_interfaces());
    assert_ne!(shown["attachments"], json!([]));
    assert_eq!(shown["containers"][0]["networkInterfaces"], json!([]));

    let shown = describe(&mut account, task().without_address());
    assert!(!shown.to_string().contains("10.0.1.2"), "{shown}");

    let shown = describe(&mut account, task().in_bridge_mode());
    assert_eq!(shown["attachments"], json!([]));
    assert_eq!(shown["containers"][0]["networkInterfaces"], json!([]));
    assert_ne!(shown["containers"][0]["networkBindings"], json!([]));
    assert_eq!(shown["launchType"], "EC2");

    let only_v6 = Task::of_service("demo", "orders").at_v6("2001:db8::2".parse().unwrap());
    let shown = describe(&mut account, only_v6);
    assert!(!shown.to_string().contains("privateI"), "{shown}");
    let interface = &shown["containers"][0]["networkInterfaces"][0];
    assert_eq!(interface["ipv6Address"], "2001:db8::2");

    let other = task().container_at("sidecar", [10, 0, 1, 3].into());
    let shown = describe(&mut account, other);
    let interface = &shown["containers"][1]["networkInterfaces"][0];
    assert_eq!(interface["privateIpv4Address"], "10.0.1.3");
}

#[test]
fn tags_are_shown_only_when_asked_for() {
    let mut account = account();
    let task = account.run_task(Task::of_service("demo", "orders").tag("colour", "blue"));
    let body = json!({"cluster": "demo", "tasks": [task.id()]});
    let answer = call(&account, Action::DescribeTasks, &body).unwrap();
    assert_eq!(answer["tasks"][0]["tags"], json!([]));
}

#[test]
fn a_service_is_shown_with_its_deployments_and_what_they_run() {
    let mut account = account();
    account.run_task(Task::of_service("demo", "orders"));
    account.deploy("demo", "orders");
    account.run_task(Task::of_service("demo", "orders"));
    account.run_task(Task::of_service("demo", "orders").status(TaskStatus::Pending));

    let body = json!({"cluster": "demo", "services": ["orders", "absent"]});
    let answer = call(&account, Action::DescribeServices, &body).unwrap();
    let service = &answer["services"][0];
    assert_eq!(service["desiredCount"], 3);
    assert_eq!(service["runningCount"], 2);
    assert_eq!(service["pendingCount"], 1);
    let counts = |n: usize| {
        let deployment = &service["deployments"][n];
        let members = ["status", "runningCount", "pendingCount", "taskDefinition"];
        members.map(|member| deployment[member].clone())
    };
    let definition = |n| json!(format!("{ARNS}:task-definition/orders:{n}"));
    assert_eq!(
        counts(0),
        [json!("PRIMARY"), json!(1), json!(1), definition(2)]
    );
    assert_eq!(
        counts(1),
        [json!("ACTIVE"), json!(1), json!(0), definition(1)]
    );
    let absent = format!("{ARNS}:service/demo/absent");
    assert_eq!(
        answer["failures"],
        json!([{"arn": absent, "reason": "MISSING"}])
    );
}

#[test]
fn the_tasks_of_a_task_set_are_started_by_it() {
    let mut account = account();
    let blue = account.put_task_set("demo", "orders");
    let task = account.run_task(Task::of_service("demo", "orders"));
    assert_eq!(account.task(&task).started_by.as_ref(), Some(&blue));
    let green = account.put_task_set("demo", "orders");
    let task = account.run_task(Task::of_service("demo", "orders").started_by(&green));

    lists(&account, json!({"startedBy": green}), &[&task]);
    let body = json!({"cluster": "demo", "services": ["orders"]});
    let answer = call(&account, Action::DescribeServices, &body).unwrap();
    let service = &answer["services"][0];
    assert_eq!(service["deployments"], json!([]));
    assert_eq!(service["taskSets"][0]["id"], blue);
    assert_eq!(service["taskSets"][0]["status"], "PRIMARY");
    assert_eq!(service["taskSets"][1]["id"], green);
    assert_eq!(service["taskSets"][1]["status"], "ACTIVE");
}

#[test]
fn a_role_without_permission_is_refused_by_name() {
    let mut account = account();
    let task = account.run_task(Task::of_service("demo", "orders"));
    let user = format!("User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/task-role/session");
    let refuses = |account: &Account, action: Action, body: Value, resource: &str| {
        let name = format!("ecs:{action}");
        assert_eq!(
            refusal(account, action, &body),
            format!(
                "AccessDeniedException: {user} is not authorized to perform: {name} \
                 on resource: {resource} because no identity-based policy allows the {name} action"
            )
        );
    };
    for action in ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices"] {
        account.role_mut("task-role").deny(action);
    }
    refuses(&account, Action::ListTasks, json!({"cluster": "demo"}), "*");
    let body = json!({"cluster": "demo", "tasks": [task.id()]});
    refuses(&account, Action::DescribeTasks, body, task.as_str());
    let body = json!({"cluster": "demo", "services": ["orders"]});
    let service = format!("{ARNS}:service/demo/orders");
    refuses(&account, Action::DescribeServices, body, &service);
}

/// A cluster `demo` with the services `orders` (three tasks wanted) and `payments`.
fn account() -> Account {
    let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_750_000_000_250);
    let mut account = Account::new(ACCOUNT_ID, REGION, now);
    account.put_service("demo", "orders", 3);
    account.put_service("demo", "payments", 1);
    account
}

fn call(account: &Account, action: Action, body: &Value) -> Result<Value, String> {
    let caller = Caller {
        account: account.id.clone(),
        role: "task-role".to_owned(),
        session: "session".to_owned(),
    };
    let body = body.to_string();
    let faults = PagingFaults::default();
    match answer(account, &caller, action, body.as_bytes(), &faults) {
        Ok(answer) => Ok(serde_json::from_str(&answer).unwrap()),
        Err(error) => {
            assert_eq!(error.status, 400);
            Err(format!("{}: {}", error.code, error.message))
        }
    }
}

fn refusal(account: &Account, action: Action, body: &Value) -> String {
    call(account, action, body).unwrap_err()
}

#[track_caller]
fn lists(account: &Account, mut filter: Value, expected: &[&TaskArn]) {
    filter["cluster"] = "demo".into();
    let answer = call(account, Action::ListTasks, &filter).unwrap();
    let mut expected: Vec<_> = expected.iter().map(|arn| arn.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(answer, json!({ "taskArns": expected }), "{filter}");
}

fn describe(account: &mut Account, task: Task) -> Value {
    let arn = account.run_task(task);
    let body = json!({"cluster": arn.cluster(), "tasks": [arn.id()], "include": ["TAGS"]});
    let mut answer = call(account, Action::DescribeTasks, &body).unwrap();
    answer["tasks"][0].take()
}
