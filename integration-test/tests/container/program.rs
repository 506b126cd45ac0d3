//! The deploy program, started as `cargo xtask deploy`, `status` and `destroy` start it.

use std::{fmt, process::Stdio};

use deploy::differences::ACCESS_KEY;
use e2e::emulators::REGION;
use tokio::process::Command;

/// What `cargo xtask image` builds.
pub(crate) const IMAGE: &str = "demo-node:latest";

/// The program, for one emulator.
#[derive(Debug)]
pub(crate) struct Program {
    endpoint_url: String,
}

/// How a run of it ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    error: String,
}

impl Program {
    pub(crate) fn new(endpoint_url: String) -> Self {
        Self { endpoint_url }
    }

    /// Runs it to its end, which must be a good one.
    pub(crate) async fn run(&self, what: &str, arguments: &[&str]) -> Said {
        let said = self.attempt(what, arguments).await;
        assert_eq!(said.status, Some(0), "{said}");
        said
    }

    /// Runs it to its end.
    pub(crate) async fn attempt(&self, what: &str, arguments: &[&str]) -> Said {
        let ended = Command::new(integration_test::program("deploy").unwrap())
            .args([what, "--region", REGION])
            .args(["--endpoint-url", &self.endpoint_url])
            .args(arguments)
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", ACCESS_KEY)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        Said {
            status: ended.status.code(),
            output: String::from_utf8(ended.stdout).unwrap(),
            error: String::from_utf8(ended.stderr).unwrap(),
        }
    }
}

impl Said {
    /// Fails unless each of these is a part of the output, in this order.
    pub(crate) fn assert_tells(&self, parts: &[&str]) {
        let mut rest = self.output.as_str();
        for part in parts {
            let found = rest.split_once(part);
            let Some((_, after)) = found else {
                panic!("no {part:?}, or not in this place, in\n{self}");
            };
            rest = after;
        }
    }

    /// An error unless it shows this many hosts and a cluster of as many members, one of which leads.
    pub(crate) fn shows(&self, host: &str, count: usize) -> Result<(), String> {
        let lines = |is: &dyn Fn(&str) -> bool| self.output.lines().filter(|line| is(line)).count();
        let member = |line: &str| line.starts_with("         ") && line.contains(":7355 ");
        let leaders = self
            .output
            .lines()
            .filter(|line| line.ends_with(" Up, leader"))
            .count();
        let members = format!("members  {count}");
        let seen = lines(&|line| line.starts_with(host)) == count
            && lines(&member) == count
            && leaders == 1
            && self.output.lines().any(|line| line == members);
        if seen { Ok(()) } else { Err(self.to_string()) }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            output,
            error,
        } = self;
        write!(f, "status {status:?}\n{output}\n{error}")
    }
}
