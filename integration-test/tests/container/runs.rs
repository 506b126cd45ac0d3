//! The end-to-end run against an emulator that somebody else has started: what it leaves there, and what it refuses.

use std::{
    fs,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use deploy::differences::ACCESS_KEY;
use e2e::{
    emulators::{REGION, ministack::Ministack},
    nodes::docker::Docker,
};
use observe::eventually::eventually;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    program::IMAGE,
    traces::{Seen, Traces},
};

/// MiniStack starts containers one after the other.
const PATIENCE: Duration = Duration::from_secs(120);

/// The anchor, which never runs, is on the network of an emulator that does nothing.
const IDLE: Seen = Seen {
    containers: 1,
    networks: 1,
    emulator: true,
};

#[tokio::test]
async fn nodes_are_asked_by_a_task_among_them_as_on_aws() {
    let site = Site::start().await;
    let url = site.emulator.endpoint_url();
    let asked = ["--ask-from-inside", "--scenario", "ecs-service"];
    let mut run = site.run("asked", &[&["--target", &url][..], &asked].concat());

    let status = run.child.wait().await.unwrap();

    assert!(status.success(), "{}", run.said());
    assert!(run.said().contains("3 tasks form one cluster"));
    site.is_idle().await;
}

#[test]
fn a_container_that_has_just_gone_has_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("gone.log");
    assert!(!Docker::save_logs("cluster-on-aws-no-such-container", &log).unwrap());
    assert!(!log.exists());
}

#[tokio::test]
async fn an_interrupted_run_removes_its_stack() {
    let site = Site::start().await;
    let url = site.emulator.endpoint_url();
    let mut run = site.run("scale", &["--target", &url, "--scenario", "scale"]);
    eventually(PATIENCE, async || {
        let said = run.said();
        if said.contains("the stack is deployed") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await
    .unwrap();
    assert_eq!(site.stacks().await, ["e2e-scale-service"]);

    let status = run.interrupt().await;

    assert_eq!(status.code(), Some(130), "{}", run.said());
    assert!(run.said().contains("deleting e2e-scale-service"));
    assert!(site.stacks().await.is_empty());
    site.is_idle().await;
}

#[tokio::test]
async fn a_scenario_passes_in_containers() {
    let logs = TempDir::new().unwrap();
    let ended = Command::new(integration_test::program("e2e").unwrap())
        .args([
            "--target",
            "docker",
            "--scenario",
            "partition",
            "--image",
            IMAGE,
        ])
        .env("TMPDIR", logs.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{ended:?}");
    assert!(said.contains("1 passed, 0 failed"), "{said}");
}

#[tokio::test]
async fn an_account_is_told_of_and_left_alone_where_nobody_agrees() {
    let site = Site::start().await;

    let mut run = site.run("nobody", &["--target", "aws"]);

    let status = run.child.wait().await.unwrap();
    assert_eq!(status.code(), Some(1), "{}", run.said());
    for told in [
        "in the account 000000000000, region eu-west-1",
        "e2e-rolling-service",
        "an hour: an estimate",
        "there is no terminal to ask on: give --yes",
    ] {
        assert!(run.said().contains(told), "{told} is not in {}", run.said());
    }
    assert!(site.stacks().await.is_empty());
}

#[tokio::test]
async fn a_stack_of_an_earlier_run_or_of_somebody_else_is_left_alone() {
    let site = Site::start().await;
    let cloudformation = aws_sdk_cloudformation::Client::new(site.emulator.config());
    let creation = cloudformation
        .create_stack()
        .stack_name("e2e-scale-service")
        .template_body(r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#)
        .send();
    creation.await.unwrap();

    let mut run = site.run("foreign", &["--target", "aws", "--yes"]);

    let status = run.child.wait().await.unwrap();
    assert_eq!(status.code(), Some(1), "{}", run.said());
    assert!(run.said().contains("e2e-scale-service"), "{}", run.said());
    assert_eq!(site.stacks().await, ["e2e-scale-service"]);
}

/// An emulator, and runs against it.
struct Site {
    emulator: Ministack,
    traces: Traces,
    logs: TempDir,
}

/// The `e2e` program.
struct Run {
    child: Child,
    output: PathBuf,
}

impl Site {
    async fn start() -> Self {
        let logs = TempDir::new().unwrap();
        let emulator = Ministack::start(IMAGE, logs.path()).await.unwrap();
        let traces = Traces::new(emulator.network(), &emulator.endpoint_url());
        Self {
            emulator,
            traces,
            logs,
        }
    }

    /// For it the emulator is AWS, too.
    fn run(&self, name: &str, arguments: &[&str]) -> Run {
        let output = self.logs.path().join(name);
        let file = fs::File::create(&output).unwrap();
        let child = Command::new(integration_test::program("e2e").unwrap())
            .args(["--image", IMAGE])
            .args(arguments)
            .env("AWS_ENDPOINT_URL", self.emulator.endpoint_url())
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", ACCESS_KEY)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Run { child, output }
    }

    /// Nothing of a run is left. A container that MiniStack was about to start is removed a little later.
    async fn is_idle(&self) {
        eventually(PATIENCE, async || match self.traces.look() {
            IDLE => Ok(()),
            seen => Err(format!("{seen:?}")),
        })
        .await
        .unwrap();
    }

    async fn stacks(&self) -> Vec<String> {
        let cloudformation = aws_sdk_cloudformation::Client::new(self.emulator.config());
        let answer = cloudformation.describe_stacks().send().await.unwrap();
        let stacks = answer.stacks().iter().filter_map(|stack| {
            let gone = stack.stack_status()?.as_str() == "DELETE_COMPLETE";
            (!gone).then(|| stack.stack_name().unwrap_or_default().to_owned())
        });
        stacks.collect()
    }
}

impl Run {
    fn said(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// As Ctrl-C does.
    async fn interrupt(&mut self) -> ExitStatus {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
        self.child.wait().await.unwrap()
    }
}
