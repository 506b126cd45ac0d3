//! What botocore, AWS's own Python client, makes of the simulated region.
//!
//! The Rust SDK and the region could share a misreading of AWS; botocore brings AWS's models.
//! It signs, finds its credentials and parses by itself, and each answer is held against the model:
//! a member that AWS does not know, a wrong type or an unlisted value is an objection.
//!
//! It is installed once, into a virtual environment below the target directory.
//! Where that cannot be done, these tests show nothing, and the first of them says why.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use region::{Action, Fault, Instance, InstanceState, Interface, Region, Task, TaskStatus};
use serde::Deserialize;
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("second_opinion/ask.py");
const REQUIREMENTS: &str = include_str!("second_opinion/requirements.txt");

/// What botocore makes of one answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opinion {
    /// Every page of what was answered.
    #[serde(default)]
    pages: Vec<Value>,
    /// What was refused.
    error: Option<Value>,
    /// What AWS would not have answered.
    objections: Vec<String>,
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a run without the second opinion must not look like one with it"
)]
fn is_given_or_its_absence_explained() {
    match Botocore::install() {
        Ok(_) => eprintln!(
            "A second opinion is given by {}",
            REQUIREMENTS.trim().replace("\n", ", ")
        ),
        Err(reason) => eprintln!("SKIPPED, there is no second opinion: {reason}"),
    }
}

#[tokio::test]
async fn tasks_and_services_are_what_aws_models() {
    let Ok(botocore) = Botocore::install() else {
        return;
    };
    let region = Region::start().await;
    let me = region.edit(|account| {
        account.put_service("demo", "orders", 9);
        account.deploy("demo", "orders");
        account.put_service("demo", "parts", 2).tags = [("k".to_owned(), "v".to_owned())].into();
        account.put_task_set("demo", "parts");
        let task = || Task::of_service("demo", "orders");
        for odd in [
            task().without_attachment().container("sidecar"),
            task().without_interfaces().with_service_connect(),
            task().without_address().status(TaskStatus::Provisioning),
            task().at_v6("2001:db8::2".parse().unwrap()),
            task().in_bridge_mode(),
            Task::of_service("demo", "parts"),
            Task::standalone("demo", "batch").started_by("somebody"),
        ] {
            account.run_task(odd);
        }
        let stopped = account.run_task(task());
        account.finish_task(&stopped);
        let me = task().at([10, 0, 1, 1].into()).tag("colour", "blue");
        account.run_task(me)
    });
    let tasks = region.edit(|account| {
        let tasks = account.clusters["demo"].tasks.keys();
        tasks.cloned().collect::<Vec<_>>()
    });

    let in_demo = |mut parameters: Value| {
        parameters["cluster"] = "demo".into();
        parameters
    };
    let questions = [
        json!({"service": "ecs", "operation": "ListTasks", "page_size": 2,
            "parameters": in_demo(json!({"serviceName": "orders"}))}),
        json!({"service": "ecs", "operation": "DescribeTasks",
            "parameters": in_demo(json!({"tasks": tasks, "include": ["TAGS"]}))}),
        json!({"service": "ecs", "operation": "DescribeTasks",
            "parameters": in_demo(json!({"tasks": [me.id(), "0".repeat(32)]}))}),
        json!({"service": "ecs", "operation": "DescribeServices",
            "parameters": in_demo(json!({"services": ["orders", "parts"], "include": ["TAGS"]}))}),
    ];
    let opinions = botocore.ask(&region.task_environment(&me), &questions);
    let [listed, described, one, services] = opinions.as_slice() else {
        panic!("{opinions:?}")
    };
    for opinion in &opinions {
        assert_eq!(opinion.objections, [""; 0]);
        assert_eq!(opinion.error, None);
    }

    let sizes = listed.pages.iter().map(|page| len(&page["taskArns"]));
    assert_eq!(sizes.collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(len(&described.pages[0]["tasks"]), tasks.len());
    let task = &one.pages[0]["tasks"][0];
    assert_eq!(task["taskArn"], me.as_str());
    let interface = &task["containers"][0]["networkInterfaces"][0];
    assert_eq!(interface["privateIpv4Address"], "10.0.1.1");
    assert_eq!(one.pages[0]["failures"][0]["reason"], "MISSING");
    let [orders, parts] = [0, 1].map(|n| &services.pages[0]["services"][n]);
    assert_eq!(orders["desiredCount"], 9);
    assert_eq!(len(&orders["deployments"]), 2);
    assert_eq!(len(&parts["taskSets"]), 1);
    assert_eq!(parts["tags"], json!([{"key": "k", "value": "v"}]));

    // The task's own credentials were used, fetched with its token.
    let calls = region.calls();
    let caller = calls.of(Action::ListTasks).next().unwrap().caller.clone();
    assert_eq!(caller.unwrap().session, me.id());
    assert_eq!(calls.count(Action::TaskCredentials), 1);
}

#[tokio::test]
async fn instances_are_what_aws_models() {
    let Ok(botocore) = Botocore::install() else {
        return;
    };
    let region = Region::start().await;
    let me = region.edit(|account| {
        let v6 = "2001:db8::1".parse().unwrap();
        for odd in [
            Instance::running().interface(Interface::new(1).at([10, 0, 9, 9].into())),
            Instance::running().at_v6(v6).without_role(),
            Instance::running().in_reservation("r-0a1b2c3d4e5f60718"),
            Instance::running().in_reservation("r-0a1b2c3d4e5f60718"),
            Instance::running().state(InstanceState::Stopped),
            Instance::running().state(InstanceState::Terminated),
        ] {
            account.run_instance(odd);
        }
        let me = Instance::running().at([10, 0, 1, 1].into());
        account.run_instance(me.tag("service", "orders & <more>=1"))
    });
    let filters = json!([
        {"Name": "tag:service", "Values": ["orders*=1", "payments"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]);
    let questions = [
        json!({"service": "ec2", "operation": "DescribeInstances", "page_size": 5, "parameters": {}}),
        json!({"service": "ec2", "operation": "DescribeInstances", "parameters": {"Filters": filters}}),
    ];
    let mut environment = region.instance_environment(&me);
    environment.insert("AWS_DEFAULT_REGION".to_owned(), "eu-west-1".to_owned());
    let opinions = botocore.ask(&environment, &questions);
    let [all, mine] = opinions.as_slice() else {
        panic!("{opinions:?}")
    };
    for opinion in &opinions {
        assert_eq!(opinion.objections, [""; 0]);
        assert_eq!(opinion.error, None);
    }
    assert_eq!(all.pages.len(), 2);
    let found = &mine.pages[0]["Reservations"][0]["Instances"][0];
    assert_eq!(found["InstanceId"], me.as_str());
    assert_eq!(found["PrivateIpAddress"], "10.0.1.1");
    assert_eq!(found["Tags"][0]["Value"], "orders & <more>=1");
    let calls = region.calls();
    let caller = calls.of(Action::DescribeInstances).next().unwrap();
    assert_eq!(caller.caller.clone().unwrap().session, me.as_str());
}

#[tokio::test]
async fn groups_are_what_aws_models() {
    let Ok(botocore) = Botocore::install() else {
        return;
    };
    let region = Region::start().await;
    let me = region.edit(|account| {
        account.put_auto_scaling_group("orders", 3);
        account
            .put_auto_scaling_group("processors", 8)
            .desired_capacity_type = Some("vcpu");
        account.run_instance(Instance::running().in_group("orders"))
    });
    let names = json!({"AutoScalingGroupNames": ["orders", "none"]});
    let operation = "DescribeAutoScalingGroups";
    let questions = [
        json!({"service": "autoscaling", "operation": operation, "page_size": 1, "parameters": {}}),
        json!({"service": "autoscaling", "operation": operation, "parameters": names}),
    ];
    let mut environment = region.instance_environment(&me);
    environment.insert("AWS_DEFAULT_REGION".to_owned(), "eu-west-1".to_owned());
    let opinions = botocore.ask(&environment, &questions);
    let [all, mine] = opinions.as_slice() else {
        panic!("{opinions:?}")
    };
    for opinion in &opinions {
        assert_eq!(opinion.objections, [""; 0]);
        assert_eq!(opinion.error, None);
    }
    assert_eq!(all.pages.len(), 2);
    let found = &mine.pages[0]["AutoScalingGroups"];
    assert_eq!(len(found), 1);
    assert_eq!(found[0]["DesiredCapacity"], 3);
}

#[tokio::test]
async fn an_assumed_role_is_what_aws_models() {
    let Ok(botocore) = Botocore::install() else {
        return;
    };
    let region = Region::start().await;
    let me = region.edit(|account| {
        let trust = region::Trust::of_account(&account.id).with_external_id("shop");
        account.role_mut("reader").trust = Some(trust);
        account.run_task(Task::standalone("demo", "batch"))
    });
    let question = |id: &str| {
        let parameters = json!({
            "RoleArn": "arn:aws:iam::123456789012:role/reader",
            "RoleSessionName": "orders@10.0.1.7",
            "ExternalId": id,
        });
        json!({"service": "sts", "operation": "AssumeRole", "parameters": parameters})
    };
    let questions = [question("shop"), question("other")];
    let opinions = botocore.ask(&region.task_environment(&me), &questions);
    let [assumed, refused] = opinions.as_slice() else {
        panic!("{opinions:?}")
    };
    assert_eq!(assumed.objections, [""; 0]);
    let user = &assumed.pages[0]["AssumedRoleUser"];
    assert_eq!(
        user["Arn"],
        "arn:aws:sts::123456789012:assumed-role/reader/orders@10.0.1.7"
    );
    let refusal = refused.error.as_ref().unwrap();
    assert_eq!(refusal["code"], "AccessDenied");
    assert_eq!(refusal["status"], 403);
}

#[tokio::test]
async fn refusals_are_read_as_such() {
    let Ok(botocore) = Botocore::install() else {
        return;
    };
    let region = Region::start().await;
    let me = region.edit(|account| account.run_task(Task::standalone("demo", "batch")));
    let ask = |questions: &[(&str, &str, Value)]| {
        let questions = questions.iter().map(|(service, operation, parameters)| {
            json!({"service": service, "operation": operation, "parameters": parameters})
        });
        let questions: Vec<_> = questions.collect();
        let opinions = botocore.ask(&region.task_environment(&me), &questions);
        let errors = opinions.into_iter().map(|opinion| opinion.error.unwrap());
        errors
            .map(|error| format!("{} {}", error["status"], error["code"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let list = ("ecs", "ListTasks", json!({"cluster": "demo"}));
    let describe = ("ec2", "DescribeInstances", json!({}));
    let groups = ("autoscaling", "DescribeAutoScalingGroups", json!({}));
    let filters = json!({"Filters": [{"Name": "x", "Values": ["y"]}]});
    let wrong = [
        ("ecs", "ListTasks", json!({})),
        ("ecs", "RunTask", json!({"taskDefinition": "x"})),
        ("ec2", "DescribeInstances", filters),
        ("ec2", "DescribeVpcs", json!({})),
        ("autoscaling", "DescribeTags", json!({})),
        (
            "autoscaling",
            "DescribeAutoScalingGroups",
            json!({"MaxRecords": 101}),
        ),
    ];
    assert_eq!(
        ask(&wrong),
        [
            "400 ClusterNotFoundException",
            "400 UnknownOperationException",
            "400 InvalidParameterValue",
            "400 InvalidAction",
            "400 InvalidAction",
            "400 ValidationError",
        ]
    );

    region.faults().add(Fault::Throttle.on([
        Action::ListTasks,
        Action::DescribeInstances,
        Action::DescribeAutoScalingGroups,
    ]));
    assert_eq!(
        ask(&[list.clone(), describe.clone(), groups.clone()]),
        [
            "400 ThrottlingException",
            "503 RequestLimitExceeded",
            "400 Throttling"
        ]
    );
    region.faults().clear();

    region.edit(|account| {
        let role = account.role_mut("task-role");
        role.deny("ecs:ListTasks");
        role.deny("ec2:DescribeInstances");
        role.deny("autoscaling:DescribeAutoScalingGroups");
    });
    assert_eq!(
        ask(&[list, describe, groups]),
        [
            "400 AccessDeniedException",
            "403 UnauthorizedOperation",
            "403 AccessDenied"
        ]
    );
}

/// An installed botocore.
struct Botocore {
    python: PathBuf,
}

impl Botocore {
    /// Or why there is none.
    fn install() -> Result<Self, String> {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("botocore");
        install(&home).map(|python| Self { python })
    }

    /// Asks from within this environment, and no other.
    fn ask(&self, environment: &BTreeMap<String, String>, questions: &[Value]) -> Vec<Opinion> {
        let mut child = Command::new(&self.python)
            .args(["-c", SCRIPT])
            .env_clear()
            .envs(environment)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = json!(questions).to_string();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(questions.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let opinions = serde_json::from_slice(&output.stdout);
        opinions.unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
    }
}

/// The Python of a virtual environment that holds what is required, created where it is missing.
/// Tests that run at the same time wait for the first of them.
fn install(home: &Path) -> Result<PathBuf, String> {
    let python = home.join("bin/python");
    let installed = home.join("installed.txt");
    fs::create_dir_all(home).unwrap();
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    let requirements = home.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).unwrap();
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(&requirements))?;
    fs::rename(requirements, installed).unwrap();
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?} failed: {}", text(&output))),
        Err(error) => Err(format!("{command:?} cannot be run: {error}")),
    }
}

/// What a process had to say.
fn text(output: &Output) -> String {
    let said = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
    String::from_utf8_lossy(&said).trim().to_owned()
}

fn len(list: &Value) -> usize {
    list.as_array().unwrap().len()
}
