//! What an instance does when it starts: its user data is run, with stand-ins for the programs that it calls.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use deploy::templates::{Stack, Template};
use tempfile::TempDir;

/// A folder in place of the file system, in which every program only says how it was called.
struct Instance {
    root: TempDir,
}

/// How a start ended.
struct Started {
    /// One call a line.
    calls: Vec<String>,
    said: String,
}

#[test]
fn an_instance_whose_node_is_a_member_says_so_to_cloudformation() {
    let started = Instance::new().start();

    let signal = started.signal();
    assert!(signal.contains("--exit-code 0"), "{signal}");
    assert!(signal.contains("--stack demo-node-stack"), "{signal}");
    assert!(signal.contains("--resource AutoScalingGroup"), "{signal}");
    started.assert_called("systemctl enable --now demo-node.service");
    started.assert_called("systemctl enable --now demo-node-log.service");
    started.assert_called("demo-node healthcheck");
}

#[test]
fn a_node_is_told_no_number_so_nobody_is_replaced_when_that_changes() {
    let instance = Instance::new();
    instance.start();

    let told = fs::read_to_string(instance.path("etc/demo-node/environment")).unwrap();
    assert!(told.contains("DEMO_NODE_MEMBERSHIP_KEYS=key\n"), "{told}");
    assert!(!told.contains("EXPECTED"), "{told}");
    assert!(!told.contains("REQUIRED"), "{told}");

    // The group says it, to whoever asks.
    let template = Template::read("ec2-auto-scaling-group.yaml").unwrap();
    let launch = template.of_kind("AWS::EC2::LaunchTemplate").next().unwrap();
    assert!(!launch.properties.to_string().contains("DesiredCapacity"));
}

#[test]
fn what_fails_at_first_is_tried_again() {
    let instance = Instance::new();
    instance.program(
        "aws",
        "test -e $ROOT/again || { touch $ROOT/again; exit 1; }; echo key",
    );

    let started = instance.start();

    assert!(
        started.signal().contains("--exit-code 0"),
        "{}",
        started.said
    );
    started.assert_called("sleep 2");
    assert!(
        started
            .said
            .contains("failed, and is tried again after 2 s: aws s3 cp"),
        "{}",
        started.said
    );
}

#[test]
fn a_program_that_cannot_be_fetched_ends_in_a_failure_that_cloudformation_hears_of() {
    let instance = Instance::new();
    instance.program("aws", "echo 'fatal error: no route to S3' >&2; exit 1");

    let started = instance.start();

    assert!(
        started.signal().contains("--exit-code 1"),
        "{}",
        started.said
    );
    assert!(started.said.contains("no route to S3"), "{}", started.said);
    assert!(
        started
            .said
            .contains("this instance runs no member of the cluster"),
        "{}",
        started.said
    );
    assert!(
        !started
            .calls
            .iter()
            .any(|call| call.contains("demo-node healthcheck"))
    );
}

#[test]
fn another_program_than_the_one_that_was_meant_is_not_started() {
    let instance = Instance::new();
    instance.program("sha256sum", "exit 1");

    let started = instance.start();

    assert!(
        started.signal().contains("--exit-code 1"),
        "{}",
        started.said
    );
    assert!(
        !started
            .calls
            .iter()
            .any(|call| call.contains("demo-node.service"))
    );
}

#[test]
fn a_node_that_does_not_become_a_member_is_a_failure_with_its_last_lines() {
    let instance = Instance::new();
    instance.program("demo-node", "exit 1");
    instance.program("journalctl", "echo the node waits for two more");

    let started = instance.start();

    assert!(
        started.signal().contains("--exit-code 1"),
        "{}",
        started.said
    );
    for told in ["the node is still no member", "the node waits for two more"] {
        assert!(started.said.contains(told), "{}", started.said);
    }
}

#[test]
fn a_node_runs_without_its_log_rather_than_not_at_all() {
    let instance = Instance::new();
    instance.program("dnf", "exit 1");

    let started = instance.start();

    assert!(
        started.signal().contains("--exit-code 0"),
        "{}",
        started.said
    );
    assert!(
        started.said.contains("it stays in the journal"),
        "{}",
        started.said
    );
}

impl Instance {
    fn new() -> Self {
        let instance = Self {
            root: TempDir::new().unwrap(),
        };
        for folder in [
            "bin",
            "etc/systemd/system",
            "etc/logrotate.d",
            "var/log",
            "usr/local/bin",
            "opt/aws/bin",
        ] {
            fs::create_dir_all(instance.path(folder)).unwrap();
        }
        for program in [
            "dnf",
            "journalctl",
            "sha256sum",
            "sleep",
            "systemctl",
            "demo-node",
            "cfn-signal",
            "amazon-cloudwatch-agent-ctl",
        ] {
            instance.program(program, "");
        }
        instance.program("aws", "echo key");
        instance
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Has a program do this after it was noted that it was called.
    fn program(&self, name: &str, does: &str) {
        let path = self.path("bin").join(name);
        let text = format!("#!/bin/bash\necho \"{name} $*\" >> $ROOT/calls\n{does}\n");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the user data with this folder in place of the file system.
    fn start(&self) -> Started {
        let script = self.path("user-data");
        fs::write(&script, self.user_data()).unwrap();
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let ended = Command::new("/bin/bash")
            .arg(script)
            .env_clear()
            .env("PATH", path)
            .env("ROOT", self.root.path())
            .output()
            .unwrap();
        let calls = fs::read_to_string(self.path("calls")).unwrap();
        Started {
            calls: calls.lines().map(str::to_owned).collect(),
            said: [ended.stdout, ended.stderr]
                .map(|said| String::from_utf8(said).unwrap())
                .concat(),
        }
    }

    fn user_data(&self) -> String {
        let template = Template::read("ec2-auto-scaling-group.yaml").unwrap();
        let stack = Stack::of(&template, "eu-west-1", "123456789012")
            .with_names_standing_in()
            .with("ProgramBucket", "programs")
            .with("ProgramKey", "demo-node")
            .with("ProgramSha256", "00");
        let data = template
            .document()
            .pointer("/Resources/LaunchTemplate/Properties/LaunchTemplateData/UserData");
        let data = stack.resolve(data.unwrap()).unwrap();
        let root = Path::display(self.root.path());
        let mut data = data.as_str().unwrap().to_owned();
        // Programs with a path of their own are called by their stand-ins; the rest is in the folder.
        for (path, stand_in) in [
            ("chmod 0755 /usr/local/bin/demo-node", "true".to_owned()),
            (
                "/usr/local/bin/demo-node healthcheck",
                "demo-node healthcheck".to_owned(),
            ),
            ("/opt/aws/bin/cfn-signal", "cfn-signal".to_owned()),
            ("/opt/aws/amazon-cloudwatch-agent/bin/", String::new()),
            ("/etc/", format!("{root}/etc/")),
            ("/var/log/", format!("{root}/var/log/")),
        ] {
            assert!(data.contains(path), "the user data has no {path}");
            data = data.replace(path, &stand_in);
        }
        data
    }
}

impl Started {
    /// The one word that CloudFormation gets.
    #[track_caller]
    fn signal(&self) -> &str {
        let signals: Vec<_> = self
            .calls
            .iter()
            .filter(|call| call.starts_with("cfn-signal"))
            .collect();
        assert_eq!(signals.len(), 1, "{}", self.said);
        signals[0]
    }

    #[track_caller]
    fn assert_called(&self, call: &str) {
        assert!(self.calls.iter().any(|it| it == call), "{:#?}", self.calls);
    }
}
