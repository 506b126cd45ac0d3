//! One node as a process of this machine.

use std::{
    cell::RefCell,
    fs::{self, File},
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::group::Group;

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    /// Checking whether it has ended needs write access; there is only one check at a time.
    child: RefCell<Child>,
    log: PathBuf,
    /// Set if the process is only the `docker run` of a container.
    container: Option<String>,
}

/// A node that should run has ended.
#[derive(Debug, thiserror::Error)]
#[error("{name} has ended unexpectedly with {status}; the end of its log: {last_words}")]
pub struct Ended {
    /// The node's name.
    pub name: String,
    /// How.
    pub status: ExitStatus,
    /// The last line that it logged.
    pub last_words: String,
}

impl Process {
    /// Starts `command`, its output in `log`.
    pub fn start(group: &Group, mut command: Command, log: PathBuf) -> io::Result<Self> {
        let output = File::create(&log)?;
        command.stdout(output.try_clone()?).stderr(output);
        Self::start_with(group, command, log)
    }

    /// The same for a command whose output goes where it says. What is in `log` counts as its log.
    pub fn start_with(group: &Group, mut command: Command, log: PathBuf) -> io::Result<Self> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        group.adopt(&mut command);
        let child = command.spawn()?;
        Ok(Self {
            child: RefCell::new(child),
            log,
            container: None,
        })
    }

    /// Says that the process is the `docker run` of the container of that name.
    #[must_use]
    pub fn in_container(mut self, name: String) -> Self {
        self.container = Some(name);
        self
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        // An error means that another caller got the status, but there is no other.
        self.child.borrow_mut().try_wait().ok().flatten()
    }

    /// Its number, until it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.borrow().id()
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

    /// Its log so far.
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

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        match self.pid() {
            Some(pid) => Ok(kill_process(pid, signal)?),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.get_mut().wait().await
    }

    /// Kills it, without a chance to leave (SIGKILL).
    pub async fn kill(&mut self) -> io::Result<()> {
        let Some(container) = &self.container else {
            return self.child.get_mut().kill().await;
        };
        // SIGKILL would end `docker run` but not reach the container.
        let killed = Command::new("docker").args(["kill", container]).output();
        let killed = killed.await?;
        if !killed.status.success() {
            let answer = String::from_utf8_lossy(&killed.stderr).into_owned();
            return Err(io::Error::other(answer));
        }
        self.child.get_mut().wait().await?;
        Ok(())
    }

    /// `None` once its end was noticed, because the id may then belong to another process.
    fn pid(&mut self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.get_mut().id()?).ok()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(container) = &self.container
            && self.ended().is_none()
        {
            // Nobody waits for it: the end of the run ends what this does not.
            let _ = Command::new("docker")
                .args(["kill", container])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use observe::eventually::eventually;

    use super::*;

    #[tokio::test]
    async fn a_node_that_is_asked_to_leave_says_how_it_ended() {
        // A shell script in a node's place.
        let script = "trap 'exit 7' TERM; echo ready; while :; do /bin/sleep 0.01; done";
        let folder = tempfile::tempdir().unwrap();
        let group = Group::start().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut process = Process::start(&group, command, folder.path().join("log")).unwrap();
        eventually(Duration::from_secs(10), async || {
            let words = process.last_words();
            if words == "ready" { Ok(()) } else { Err(words) }
        })
        .await
        .unwrap();

        let status = process.terminate().await.unwrap();

        assert_eq!(status.code(), Some(7));
        assert_eq!(process.ended(), Some(status));
    }
}
