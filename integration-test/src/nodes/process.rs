//! One node as a process of this machine.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::Path,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::group::Group;

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `binary run` with nothing but `environment`, its output in `log`.
    pub fn start(
        group: &Group,
        binary: &Path,
        environment: &BTreeMap<String, String>,
        log: &Path,
    ) -> io::Result<Self> {
        let output = File::create(log)?;
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
        Ok(Self { child })
    }

    /// Asks it to leave (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> io::Result<ExitStatus> {
        if let Some(pid) = self.pid() {
            kill_process(pid, Signal::TERM)?;
        }
        self.child.wait().await
    }

    /// Ends it without a chance to say good-bye (SIGKILL).
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// `None` once its end was noticed: the number may by then be another process's.
    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }
}
