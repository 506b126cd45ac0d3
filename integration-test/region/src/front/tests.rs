//! Whole requests: signatures, metadata, credentials, faults, and what is recorded of each.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::account::identity::Credentials;
use crate::account::instance::Instance;
use crate::account::task::{Task, TaskArn};
use crate::account::{ACCOUNT_ID, REGION};
use crate::faults::{Fault, Snapshot};
use crate::signature::Authorization;

const SIGNED_FOR_ECS: &str = "20260101/eu-west-1/ecs/aws4_request";
const SIGNED_FOR_EC2: &str = "20260101/eu-west-1/ec2/aws4_request";

#[test]
fn a_request_must_be_signed_for_this_service_with_credentials_that_last() {
    let mut bench = Bench::with_a_task().0;
    let good = bench.world.account.credentials("task-role", "session");
    let both = [(list_tasks(), "ecs"), (describe_instances(), "ec2")];
    let mut answers = |key: &Credentials, region: &str, to: Option<&str>, expected: [&str; 2]| {
        for ((asked, service), expected) in both.clone().into_iter().zip(expected) {
            let scope = format!("20260101/{region}/{}/aws4_request", to.unwrap_or(service));
            let reply = bench.send(&asked.signed(key, &scope));
            assert!(reply.body.contains(expected), "{}", reply.body);
        }
    };
    let with = |change: fn(&mut Credentials)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let home = "eu-west-1";
    answers(&good, home, None, ["taskArns", "reservationSet"]);
    let stranger = with(|key| key.access_key_id = "ASIASTRANGER".to_owned());
    answers(
        &stranger,
        home,
        None,
        ["UnrecognizedClientException", "AuthFailure"],
    );
    let other_session = with(|key| key.session_token = "other".to_owned());
    answers(
        &other_session,
        home,
        None,
        ["UnrecognizedClientException", "AuthFailure"],
    );
    let forger = with(|key| key.secret_access_key = "guessed".to_owned());
    answers(
        &forger,
        home,
        None,
        ["signature we calculated", "AuthFailure"],
    );
    answers(
        &good,
        "us-east-1",
        None,
        ["scoped to a valid region", "AuthFailure"],
    );
    answers(
        &good,
        home,
        Some("sts"),
        ["scoped to correct service", "AuthFailure"],
    );

    let unsigned = bench.send(&list_tasks());
    assert!(unsigned.body.contains("MissingAuthenticationToken"));
    let gibberish = bench.send(&list_tasks().with("authorization", "Basic eA=="));
    assert!(gibberish.body.contains("IncompleteSignature"));

    bench.now += Duration::from_hours(7);
    for (asked, scope, expected) in [
        (list_tasks(), SIGNED_FOR_ECS, "ExpiredTokenException"),
        (describe_instances(), SIGNED_FOR_EC2, "RequestExpired"),
    ] {
        let reply = bench.send(&asked.signed(&good, scope));
        assert_eq!(reply.status, 400);
        assert!(reply.body.contains(expected), "{}", reply.body);
    }
}

#[test]
fn nothing_that_is_signed_can_be_changed_after() {
    let mut bench = Bench::with_a_task().0;
    let credentials = bench.world.account.credentials("task-role", "session");
    let signed = list_tasks().signed(&credentials, SIGNED_FOR_ECS);
    assert_eq!(bench.send(&signed).status, 200);
    let other_body = Asked {
        body: r#"{"cluster":"other"}"#.to_owned(),
        ..signed.clone()
    };
    let other_target = signed
        .clone()
        .with(TARGET, "AmazonEC2ContainerServiceV20141113.RunTask");
    let one_more_header = signed.with("x-amz-more", "unsigned");
    for changed in [other_body, other_target, one_more_header] {
        let reply = bench.send(&changed);
        assert!(
            reply.body.contains("signature we calculated"),
            "{}",
            reply.body
        );
    }
}

#[test]
fn a_task_reads_its_own_metadata() {
    let (mut bench, task) = Bench::with_a_task();
    let id = task.id();
    let whole = bench.get(&format!("/v4/{id}/task")).parsed();
    assert_eq!(whole["TaskARN"], task.as_str());
    assert_eq!(
        whole["Cluster"],
        "arn:aws:ecs:eu-west-1:123456789012:cluster/demo"
    );
    assert_eq!(whole["AvailabilityZone"], "eu-west-1a");
    let network = json!({
        "NetworkMode": "awsvpc",
        "IPv4Addresses": ["10.0.1.2"],
        "AttachmentIndex": 0,
        "MACAddress": "0e:6d:18:f6:2d:29",
    });
    assert_eq!(whole["Containers"][0]["Networks"], json!([network]));
    assert_eq!(
        bench.get(&format!("/v4/{id}")).parsed(),
        whole["Containers"][0]
    );

    let older = bench.get(&format!("/v3/{id}/task")).parsed();
    assert_eq!(older["TaskARN"], task.as_str());
    assert_eq!(older["LaunchType"], Value::Null);

    assert_eq!(bench.get("/v4/0123/task").status, 404);
    assert_eq!(bench.get(&format!("/v4/{id}/tasks")).status, 404);
    assert_eq!(bench.get("/v5/0123/task").status, 404);
}

#[test]
fn a_task_gets_its_credentials_for_its_own_token_only() {
    let (mut bench, task) = Bench::with_a_task();
    let token = bench.world.account.task(&task).credentials_token.clone();
    let path = format!("/v2/credentials/{}", task.id());
    assert_eq!(bench.get(&path).status, 401);
    let other = Asked::get(&path).with("authorization", "other");
    assert_eq!(bench.send(&other).status, 401);

    let mine = Asked::get(&path).with("authorization", &token);
    let first = bench.send(&mine).parsed();
    assert_eq!(first["RoleArn"], "arn:aws:iam::123456789012:role/task-role");
    assert_eq!(first["Expiration"], "2025-06-15T21:06:40Z");
    assert_eq!(bench.send(&mine).parsed(), first);
    bench.world.account.expire_credentials();
    assert_ne!(
        bench.send(&mine).parsed()["AccessKeyId"],
        first["AccessKeyId"]
    );

    let poor = Task::standalone("demo", "batch").without_role();
    let poor = bench.world.account.run_task(poor);
    let path = format!("/v2/credentials/{}", poor.id());
    assert_eq!(bench.get(&path).status, 404);
}

#[test]
fn an_instance_needs_a_session_to_read_its_metadata() {
    let (mut bench, _) = Bench::with_a_task();
    let id = bench
        .world
        .account
        .run_instance(Instance::running().at([10, 0, 1, 1].into()));
    let data = |path: &str| Asked::get(&format!("/instance/{id}/latest/meta-data/{path}"));
    assert_eq!(bench.send(&data("local-ipv4")).status, 401);

    let session = Asked {
        method: Method::PUT,
        ..Asked::get(&format!("/instance/{id}/latest/api/token"))
    };
    assert_eq!(bench.send(&session).status, 400);
    let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
    assert_eq!(bench.send(&session.clone().with(ttl, "21601")).status, 400);
    let token = bench.send(&session.with(ttl, "60"));
    assert_eq!(token.header, Some((ttl, "60".to_owned())));

    let mut read = |path: &str| {
        let with_token = data(path).with("x-aws-ec2-metadata-token", &token.body);
        bench.send(&with_token).body
    };
    assert_eq!(read("local-ipv4"), "10.0.1.1");
    assert_eq!(read("instance-id"), id.as_str());
    assert_eq!(read("placement/region"), "eu-west-1");
    assert_eq!(read("placement/availability-zone"), "eu-west-1a");
    assert_eq!(read("iam/security-credentials/"), "instance-role");
    assert!(read("iam/security-credentials/instance-role").contains("ASIA"));
    assert!(read("iam/security-credentials/other").contains("Not Found"));
    assert!(read("ipv6").contains("Not Found"));
}

#[test]
fn every_service_says_in_its_own_words_that_it_is_throttled() {
    let (mut bench, task) = Bench::with_a_task();
    bench.world.rules.add(Fault::Throttle.into(), bench.now);
    let reply = bench.send_signed(list_tasks(), SIGNED_FOR_ECS);
    assert_eq!(reply.status, 400);
    let expected = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
    assert_eq!(reply.parsed(), expected);
    let reply = bench.send_signed(describe_instances(), SIGNED_FOR_EC2);
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("<Code>RequestLimitExceeded</Code>"));
    assert_eq!(bench.get(&format!("/v4/{}/task", task.id())).status, 429);
}

#[test]
fn a_fault_strikes_whom_it_is_meant_for_as_often_as_it_is_meant_to() {
    let (mut bench, task) = Bench::with_a_task();
    let other = bench
        .world
        .account
        .run_task(Task::of_service("demo", "orders"));
    let fault = Fault::Error {
        status: 500,
        code: "Broken",
    };
    let rule = fault
        .on([Action::TaskMetadata])
        .for_caller(task.id())
        .next(2);
    bench.world.rules.add(rule, bench.now);
    let credentials = format!("/v2/credentials/{}", task.id());
    let mut status = |path: &str| bench.get(path).status;
    assert_eq!(status(&format!("/v4/{}/task", other.id())), 200);
    assert_eq!(status("/v4/0123/task"), 404);
    assert_eq!(status(&credentials), 401);
    let mine = format!("/v4/{}/task", task.id());
    assert_eq!([(); 3].map(|()| status(&mine)), [500, 500, 200]);
}

#[test]
fn bodies_break_in_every_way() {
    let (mut bench, task) = Bench::with_a_task();
    let path = format!("/v4/{}/task", task.id());
    let mut answer = |fault: Fault| {
        bench.world.rules.clear(bench.now);
        bench.world.rules.add(fault.into(), bench.now);
        bench.get(&path)
    };
    assert_eq!(answer(Fault::EmptyBody).body, "");
    let half = answer(Fault::MalformedBody).body;
    assert!(half.starts_with('{') && serde_json::from_str::<Value>(&half).is_err());
    let without = answer(Fault::WithoutMember("TaskARN")).parsed();
    assert_eq!(without["TaskARN"], Value::Null);
    assert_eq!(without["Family"], "orders");
}

#[test]
fn delays_add_up_and_silence_lasts() {
    let (mut bench, task) = Bench::with_a_task();
    let request = Asked::get(&format!("/v4/{}/task", task.id())).request();
    bench
        .world
        .rules
        .add(Fault::Delay(Duration::from_millis(20)).into(), bench.now);
    bench
        .world
        .rules
        .add(Fault::Delay(Duration::from_millis(30)).into(), bench.now);
    let (_, delay) = bench.world.serve(&request, bench.now);
    assert_eq!(delay, Duration::from_millis(50));
    bench.world.rules.add(Fault::NoAnswer.into(), bench.now);
    let (_, delay) = bench.world.serve(&request, bench.now);
    assert_eq!(delay, NEVER);
}

#[test]
fn a_stale_list_shows_the_past() {
    let (mut bench, task) = Bench::with_a_task();
    let past = Snapshot(std::sync::Arc::new(bench.world.account.clone()));
    let newer = bench
        .world
        .account
        .run_task(Task::of_service("demo", "orders"));
    bench.world.account.forget_task(&task);
    bench.world.rules.add(
        Fault::Stale(past).on([Action::ListTasks]).next(1),
        bench.now,
    );
    let mut listed = || bench.send_signed(list_tasks(), SIGNED_FOR_ECS).parsed();
    assert_eq!(listed(), json!({"taskArns": [task.as_str()]}));
    assert_eq!(listed(), json!({"taskArns": [newer.as_str()]}));
}

#[test]
fn every_request_is_recorded_with_its_caller_and_its_end() {
    let (mut bench, task) = Bench::with_a_task();
    bench.send_signed(list_tasks(), SIGNED_FOR_ECS);
    bench
        .world
        .account
        .role_mut("task-role")
        .deny("ecs:ListTasks");
    bench.send_signed(list_tasks(), SIGNED_FOR_ECS);
    bench.get("/nothing");
    bench.world.rules.add(Fault::NoAnswer.into(), bench.now);
    bench.get(&format!("/v4/{}", task.id()));

    let counts = bench.world.calls.counts();
    let refused = |code: &str| Outcome::Refused(code.to_owned());
    let expected = [
        ((Action::ListTasks, Outcome::Answered), 1),
        ((Action::ListTasks, refused("AccessDeniedException")), 1),
        ((Action::TaskMetadata, Outcome::Unanswered), 1),
        ((Action::Unknown, refused("NotFound")), 1),
    ];
    assert_eq!(counts, expected.into());
    let first = &bench.world.calls.log()[0];
    assert_eq!(first.parameters, json!({"cluster": "demo"}));
    let arn = "arn:aws:sts::123456789012:assumed-role/task-role/session";
    assert_eq!(first.caller.as_ref().unwrap().arn(), arn);
    let last = bench.world.calls.log().last().unwrap();
    assert_eq!(last.caller.as_ref().unwrap().session, task.id());
}

#[test]
fn an_operation_that_is_not_there_is_refused() {
    let (mut bench, _) = Bench::with_a_task();
    let target = "AmazonEC2ContainerServiceV20141113.RunTask";
    let reply = bench.send_signed(Asked::post("{}").with(TARGET, target), SIGNED_FOR_ECS);
    assert_eq!(reply.status, 400);
    assert_eq!(reply.parsed()["__type"], "UnknownOperationException");
    let reply = bench.send_signed(Asked::post("Action=RunInstances"), SIGNED_FOR_EC2);
    assert_eq!(reply.status, 400);
    assert!(
        reply.body.contains("<Code>InvalidAction</Code>"),
        "{}",
        reply.body
    );
}

const TARGET: &str = "x-amz-target";
const TOKEN: &str = "x-amz-security-token";

/// A request in the making.
#[derive(Clone)]
struct Asked {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A region at a time of its own, with a service of one task.
struct Bench {
    world: World,
    now: SystemTime,
}

impl Asked {
    fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn post(body: &str) -> Self {
        Self {
            method: Method::POST,
            body: body.to_owned(),
            ..Self::get("/")
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn signed(mut self, credentials: &Credentials, scope: &str) -> Self {
        self = self
            .with("host", "localhost")
            .with(TOKEN, &credentials.session_token);
        self = self.with("x-amz-date", "20260101T000000Z");
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let header = |signature: &str| {
            let key = &credentials.access_key_id;
            let names = names.join(";");
            format!(
                "AWS4-HMAC-SHA256 Credential={key}/{scope}, \
                 SignedHeaders={names}, Signature={signature}"
            )
        };
        let unsigned = header("");
        let authorization = Authorization::parse(&unsigned).unwrap();
        let signature = authorization.calculate(&self.request(), &credentials.secret_access_key);
        let signed = header(&signature);
        self.with("authorization", &signed)
    }

    fn request(&self) -> Request {
        let headers = self.headers.iter();
        Request {
            url: format!("http://localhost{}", self.path).parse().unwrap(),
            method: self.method.clone(),
            headers: headers
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: self.body.clone().into_bytes(),
        }
    }
}

impl Bench {
    fn with_a_task() -> (Self, TaskArn) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000);
        let mut account = Account::new(ACCOUNT_ID, REGION, now);
        account.put_service("demo", "orders", 1);
        let task = account.run_task(Task::of_service("demo", "orders").at([10, 0, 1, 2].into()));
        let world = World::new(account, 1);
        (Self { world, now }, task)
    }

    fn send(&mut self, asked: &Asked) -> Reply {
        self.world.serve(&asked.request(), self.now).0
    }

    fn get(&mut self, path: &str) -> Reply {
        self.send(&Asked::get(path))
    }

    fn send_signed(&mut self, asked: Asked, scope: &str) -> Reply {
        let credentials = self.world.account.credentials("task-role", "session");
        self.send(&asked.signed(&credentials, scope))
    }
}

impl Reply {
    fn parsed(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn list_tasks() -> Asked {
    let target = "AmazonEC2ContainerServiceV20141113.ListTasks";
    Asked::post(r#"{"cluster":"demo"}"#).with(TARGET, target)
}

fn describe_instances() -> Asked {
    Asked::post("Action=DescribeInstances&Version=2016-11-15")
}
