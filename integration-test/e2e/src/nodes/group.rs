//! The process group of a run's nodes, which ends with the run, however the run ends.
//!
//! A guard process leads the group. It waits for the end of its input, whose other side only this process has open:
//! when that closes (by a drop, a panic, or a SIGKILL that leaves no time for anything), it kills the whole group.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// Ends every process in it when it is dropped.
#[derive(Debug)]
pub struct Group {
    guard: Child,
    lifeline: Option<ChildStdin>,
}

impl Group {
    /// Starts an empty group.
    pub fn start() -> io::Result<Self> {
        let mut guard = Command::new("sh")
            .args(["-c", "cat > /dev/null; kill -KILL 0"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let lifeline = guard.stdin.take();
        Ok(Self { guard, lifeline })
    }

    /// Makes the process that `command` starts a member.
    ///
    /// Then Ctrl-C at the terminal does not reach it: the run decides how a node ends.
    pub fn adopt(&self, command: &mut tokio::process::Command) {
        command.process_group(self.id().as_raw_pid());
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.guard)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The guard would do it, too, but a little later. An error means that no process is left.
        let _ = kill_process_group(self.id(), Signal::KILL);
        drop(self.lifeline.take());
        let _ = self.guard.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, time::Duration};

    use tokio::{process, time::timeout};

    use super::*;

    #[tokio::test]
    async fn dropping_the_group_ends_its_members() {
        let group = Group::start().unwrap();
        let mut member = start_member(&group);

        drop(group);

        assert_killed(&mut member).await;
    }

    #[tokio::test]
    async fn members_end_with_a_parent_that_could_not_end_them() {
        let mut group = Group::start().unwrap();
        let mut member = start_member(&group);

        // All that remains of a parent killed by SIGKILL: its side of the pipe is closed.
        drop(group.lifeline.take());

        assert_killed(&mut member).await;
    }

    fn start_member(group: &Group) -> process::Child {
        let mut command = process::Command::new("sleep");
        group.adopt(command.arg("600"));
        command.spawn().unwrap()
    }

    async fn assert_killed(member: &mut process::Child) {
        let status = timeout(Duration::from_secs(10), member.wait())
            .await
            .expect("the member still runs")
            .unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    }
}
