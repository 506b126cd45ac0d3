//! Whether this machine has Docker.

use std::{
    io::{self, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// A running engine answers at once; one that hangs must not block the caller.
const ANSWERING: Duration = Duration::from_secs(5);

/// Asks the engine, and returns the reason if tests cannot use it.
pub(crate) fn unusable() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some(
            "nodes in containers are reached at their addresses, which only works on Linux"
                .to_owned(),
        );
    }
    let mut asking = Command::new("docker");
    asking.args(["version", "--format", "{{.Server.Version}}"]);
    answer(asking, ANSWERING).err()
}

/// What the command prints, or why it failed.
fn answer(mut command: Command, limit: Duration) -> Result<String, String> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("there is no `docker` command".to_owned());
        }
        Err(error) => return Err(format!("`docker` cannot be started: {error}")),
    };

    let (sender, ended) = channel();
    let mut said = child.stdout.take();
    thread::spawn(move || {
        let mut text = String::new();
        let read = said.as_mut().map(|it| it.read_to_string(&mut text));
        // Nobody listens any more if it took too long.
        let _ = sender.send((read, text));
    });
    match ended.recv_timeout(limit) {
        Ok((_, text)) => conclude(child, text),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(format!("Docker does not answer within {limit:?}"))
        }
    }
}

fn conclude(child: Child, text: String) -> Result<String, String> {
    match child.wait_with_output() {
        Ok(ended) if ended.status.success() => Ok(text),
        Ok(ended) => {
            let error = String::from_utf8_lossy(&ended.stderr);
            let reason = error.lines().last().unwrap_or_default().trim();
            Err(format!("Docker does not answer: {reason}"))
        }
        Err(error) => Err(format!("Docker does not answer: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn an_answer_is_given() {
        assert_eq!(answer(shell("echo 20.10"), LONG).unwrap(), "20.10\n");
    }

    #[test]
    fn a_refusal_is_the_reason() {
        let refusal = answer(shell("echo permission denied >&2; exit 1"), LONG).unwrap_err();

        assert_eq!(refusal, "Docker does not answer: permission denied");
    }

    #[test]
    fn silence_is_not_waited_for() {
        // It would outlive the time limit of the test.
        let refusal = answer(shell("exec sleep 600"), Duration::from_millis(50)).unwrap_err();

        assert!(
            refusal.starts_with("Docker does not answer within"),
            "{refusal}"
        );
    }

    #[test]
    fn that_there_is_none_is_said_so() {
        let refusal = answer(Command::new("/nowhere/docker"), LONG).unwrap_err();

        assert_eq!(refusal, "there is no `docker` command");
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }
}
