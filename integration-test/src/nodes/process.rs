//! One node as a process of this machine.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::group::Group;

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    /// Looking whether it has ended needs to write; nobody looks twice at once.
    child: RefCell<Child>,
    log: PathBuf,
}

/// A node that should run has ended.
#[derive(Debug, thiserror::Error)]
#[error("{name} has ended by itself with {status}; the end of its log: {last_words}")]
pub struct Ended {
    /// The node's name.
    pub name: String,
    /// How.
    pub status: ExitStatus,
    /// The last line that it logged.
    pub last_words: String,
}

impl Process {
    /// Starts `binary run` with nothing but `environment`, its output in `log`.
    pub fn start(
        group: &Group,
        binary: &Path,
        environment: &BTreeMap<String, String>,
        log: PathBuf,
    ) -> io::Result<Self> {
        let output = File::create(&log)?;
        let mut command = Command::new(binary);
        command
            .arg("run")
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        group.adopt(&mut command);
        let child = command.spawn()?;
        Ok(Self {
            child: RefCell::new(child),
            log,
        })
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        // An error means that somebody else was told: nobody else is.
        self.child.borrow_mut().try_wait().ok().flatten()
    }

    /// The last line that it logged.
    pub fn last_words(&self) -> String {
        let log = self.log();
        log.trim_end()
            .lines()
            .last()
            .unwrap_or("(empty)")
            .to_owned()
    }

    /// All that it has logged so far.
    pub fn log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Asks it to leave (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> io::Result<ExitStatus> {
        if let Some(pid) = self.pid() {
            kill_process(pid, Signal::TERM)?;
        }
        self.child.get_mut().wait().await
    }

    /// Ends it without a chance to say good-bye (SIGKILL).
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.get_mut().kill().await
    }

    /// `None` once its end was noticed: the number may by then be another process's.
    fn pid(&mut self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.get_mut().id()?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::eventually::eventually;

    #[tokio::test]
    async fn a_node_knows_what_it_was_told_and_nothing_else() {
        let told = BTreeMap::from([("DEMO_NODE_LOG_LEVEL".to_owned(), "debug".to_owned())]);
        let stand_in = StandIn::start("env", &told);

        eventually(Duration::from_secs(10), async || {
            stand_in.process.ended().ok_or("it still runs")
        })
        .await
        .unwrap();

        // The shell adds these itself.
        let log = fs::read_to_string(&stand_in.process.log).unwrap();
        let environment: Vec<_> = log
            .lines()
            .filter(|line| {
                !line.starts_with("PWD=") && !line.starts_with("_=") && !line.starts_with("SHLVL=")
            })
            .collect();
        assert_eq!(environment, ["DEMO_NODE_LOG_LEVEL=debug"]);
    }

    #[tokio::test]
    async fn a_node_that_is_asked_to_leave_says_how_it_ended() {
        let mut stand_in = StandIn::start(
            "trap 'exit 7' TERM; echo ready; while :; do /bin/sleep 0.01; done",
            &BTreeMap::new(),
        );
        eventually(Duration::from_secs(10), async || {
            let words = stand_in.process.last_words();
            if words == "ready" { Ok(()) } else { Err(words) }
        })
        .await
        .unwrap();

        let status = stand_in.process.terminate().await.unwrap();

        assert_eq!(status.code(), Some(7));
        assert_eq!(stand_in.process.ended(), Some(status));
    }

    /// A shell script in a node's place.
    struct StandIn {
        process: Process,
        _group: Group,
        _folder: tempfile::TempDir,
    }

    impl StandIn {
        fn start(script: &str, environment: &BTreeMap<String, String>) -> Self {
            use std::os::unix::fs::PermissionsExt;

            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("node");
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
            let group = Group::start().unwrap();
            let log = folder.path().join("log");
            Self {
                process: Process::start(&group, &program, environment, log).unwrap(),
                _group: group,
                _folder: folder,
            }
        }
    }
}
