//! Stories of instances, which tell CloudFormation themselves whether their nodes are members.

use crate::{
    aws::{Account, Aws},
    formation::{Event, Script, failure, of_stack},
    program::{Said, run},
    services::Services,
};

const STACK: &str = "orders-instances";
const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";

const NOT_ENOUGH: &str = "Received 1 FAILURE signal(s) out of 3.  Unable to satisfy 100% MinSuccessfulInstancesPercent requirement";

#[tokio::test]
async fn an_instance_that_gives_up_is_told_with_its_own_last_words() {
    let services = Services {
        instances: vec![("i-1", "running"), ("i-2", "running"), ("i-3", "running")],
        logs: [
            (
                "orders/i-1".to_owned(),
                vec![r#"{"level":"INFO","message":"member is up"}"#.to_owned()],
            ),
            ("orders/i-2".to_owned(), of_who_gives_up()),
        ]
        .into(),
        ..Services::default()
    };
    let events = vec![
        log(),
        signal("SUCCESS", "i-1"),
        signal("FAILURE", "i-2"),
        group("CREATE_FAILED").because(NOT_ENOUGH),
    ];
    let aws = Aws::start(account(services, failure(STACK, events))).await;

    let said = deploy(&aws).await;

    said.is(
        1,
        "\
in eu-west-1:
  orders-instances         is created
      adds 2 resources

==> orders-instances
    CREATE_IN_PROGRESS   orders-instances         AWS::CloudFormation::Stack User Initiated
    CREATE_COMPLETE      LogGroup                 AWS::Logs::LogGroup
    CREATE_IN_PROGRESS   AutoScalingGroup         AWS::AutoScaling::AutoScalingGroup Received SUCCESS signal with UniqueId i-1
    CREATE_IN_PROGRESS   AutoScalingGroup         AWS::AutoScaling::AutoScalingGroup Received FAILURE signal with UniqueId i-2
    CREATE_FAILED        AutoScalingGroup         AWS::AutoScaling::AutoScalingGroup Received 1 FAILURE signal(s) out of 3. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement
    CREATE_FAILED        orders-instances         AWS::CloudFormation::Stack

what failed first: AutoScalingGroup (AWS::AutoScaling::AutoScalingGroup)
    Received 1 FAILURE signal(s) out of 3. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement
its nodes:
    instance running; it says that its node did not become a member
    2 times: instance running
the end of a log:
    INFO starting version=0.1.0
    WARN lookup failed error=access denied: ec2:DescribeInstances
    the node is still no member
    this instance runs no member of the cluster: status 1
    WARN lookup failed error=access denied: ec2:DescribeInstances
the most likely cause: the nodes lack the permission to look each other up in AWS
what to do: check that no permissions boundary or organisation policy forbids the action that the log names
orders-instances stays as it is, so that you can look at it; the same command deletes it and begins again
to remove everything: cargo xtask destroy --name orders --region eu-west-1 --endpoint-url URL

error: the stack orders-instances ended as CREATE_FAILED: AutoScalingGroup: Received 1 FAILURE signal(s) out of 3. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement",
    );
    said.ends_with_reason("access denied: ec2:DescribeInstances");
    assert_eq!(
        aws.calls(),
        ["ExecuteChangeSet orders-instances CREATE left where it fails"]
    );
}

#[tokio::test]
async fn the_stack_is_complete_when_each_instance_says_that_its_node_is_a_member() {
    let services = Services {
        instances: vec![("i-1", "running"), ("i-2", "running"), ("i-3", "running")],
        ..Services::default()
    };
    let mut script = Script::from([(
        "CREATE_IN_PROGRESS",
        vec![log(), group("CREATE_IN_PROGRESS")],
    )]);
    for id in ["i-1", "i-2", "i-3"] {
        script.push_back(("CREATE_IN_PROGRESS", vec![signal("SUCCESS", id)]));
    }
    let end = vec![group("CREATE_COMPLETE"), of_stack(STACK, "CREATE_COMPLETE")];
    script.push_back(("CREATE_COMPLETE", end));
    let aws = Aws::start(account(services, script)).await;

    let said = deploy(&aws).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    let mut rest = said.text.as_str();
    for line in [
        "Received SUCCESS signal with UniqueId i-1",
        "Received SUCCESS signal with UniqueId i-2",
        "Received SUCCESS signal with UniqueId i-3",
        "CREATE_COMPLETE      AutoScalingGroup",
        "CREATE_COMPLETE      orders-instances",
        "stack    orders-instances         CREATE_COMPLETE",
        "running i-3",
    ] {
        let (_, after) = rest
            .split_once(line)
            .unwrap_or_else(|| panic!("no {line:?} there: {}", said.text));
        rest = after;
    }
}

async fn deploy(aws: &Aws) -> Said {
    let sum = "0".repeat(64);
    let program = [
        "--workload",
        "ec2",
        "--program",
        "s3://bucket/demo-node",
        "--program-sha256",
        &sum,
    ];
    run(aws, &[&["deploy", "--yes"], &program[..]].concat()).await
}

fn account(services: Services, script: Script) -> Account {
    let account = Account {
        services,
        ..Account::default()
    };
    account.creating(STACK, script)
}

/// As the instance's journal has it: the node's lines, those of its user data, and at last those of who ran that.
fn of_who_gives_up() -> Vec<String> {
    let denied = r#"{"level":"WARN","message":"lookup failed","error":"access denied: ec2:DescribeInstances"}"#;
    [
        r#"{"level":"INFO","message":"starting","version":"0.1.0"}"#,
        denied,
        "the node is still no member",
        "this instance runs no member of the cluster: status 1",
        denied,
        "2026-11-28 10:00:00,000 - cc_scripts_user.py[WARNING]: Failed to run module scripts_user (scripts in /var/lib/cloud)",
        "Cloud-init v. 22.2.2 finished at Sat, 28 Nov 2026 10:00:00 +0000. Datasource DataSourceEc2. Up 61.00 seconds",
        "cloud-final.service: Main process exited, code=exited, status=1/FAILURE",
        "cloud-final.service: Failed with result 'exit-code'.",
        "Failed to start cloud-final.service - Execute cloud user/final scripts.",
    ]
    .map(str::to_owned)
    .into()
}

fn log() -> Event {
    Event::new("LogGroup", "AWS::Logs::LogGroup", "CREATE_COMPLETE")
        .named("orders-instances-LogGroup-1")
}

fn group(status: &'static str) -> Event {
    Event::new("AutoScalingGroup", GROUP, status).named("orders-instances-Group-1")
}

fn signal(what: &str, id: &str) -> Event {
    group("CREATE_IN_PROGRESS").because(&format!("Received {what} signal with UniqueId {id}"))
}
