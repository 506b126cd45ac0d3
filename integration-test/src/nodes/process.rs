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
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.trim_end()
            .lines()
            .last()
            .unwrap_or("(empty)")
            .to_owned()
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
