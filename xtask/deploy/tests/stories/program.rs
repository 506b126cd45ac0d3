//! The program, run to its end as a user runs it.

use std::{
    io::{BufRead as _, BufReader, Read as _, pipe},
    path::Path,
    process::{Command, Stdio},
};

use tokio::task::spawn_blocking;

use crate::aws::Aws;

/// How it ended, and what it printed: as a terminal shows it, with `URL` in place of where this account is.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) text: String,
}

/// `deploy COMMAND --endpoint-url …`.
pub(crate) async fn run(aws: &Aws, arguments: &[&str]) -> Said {
    let mut command = program(arguments);
    command.args(["--endpoint-url", &aws.url()]);
    ended(command, aws).await
}

/// As it is run for AWS itself, in a folder. What is answered is the story's all the same.
pub(crate) async fn run_in(folder: &Path, aws: &Aws, arguments: &[&str]) -> Said {
    let mut command = program(arguments);
    command
        .current_dir(folder)
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_ENDPOINT_URL", aws.url());
    ended(command, aws).await
}

/// The same for one that does not end by itself: until it has said this, or ends all the same.
pub(crate) async fn run_until(aws: &Aws, arguments: &[&str], said: &'static str) -> String {
    let mut command = program(arguments);
    command.args(["--endpoint-url", &aws.url()]);
    command.stdout(Stdio::piped());
    let seen = spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut text = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            text += &(line.unwrap() + "\n");
            if text.contains(said) {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        text
    });
    seen.await.unwrap().replace(&aws.url(), "URL")
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deploy"));
    command
        .args(arguments)
        .args(["--region", "eu-west-1"])
        .env_clear()
        // Neither Docker nor anything else that a machine may have or not have.
        .env("PATH", "/nothing/here")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdin(Stdio::null());
    command
}

async fn ended(mut command: Command, aws: &Aws) -> Said {
    // Both outputs in one, in the order in which they were written.
    let (mut reader, writer) = pipe().unwrap();
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let ended = spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // It holds the other ends of the pipe.
        drop(command);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        (child.wait().unwrap().code(), text)
    });
    let (status, text) = ended.await.unwrap();
    aws.assert_allowed();
    Said {
        status,
        text: text.replace(&aws.url(), "URL"),
    }
}

impl Said {
    /// Fails unless it ended so and printed exactly this.
    pub(crate) fn is(&self, status: i32, text: &str) {
        assert_eq!(
            self.text.trim(),
            text.trim(),
            "\n--- printed:\n{}\n---",
            self.text
        );
        assert_eq!(self.status, Some(status));
    }

    /// Fails unless this stands within what is still on the screen.
    pub(crate) fn ends_with_reason(&self, reason: &str) {
        let lines: Vec<_> = self.text.lines().collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n");
        assert!(
            last.contains(reason),
            "no {reason:?} within the last lines:\n{last}"
        );
    }
}
