//! The deploy program where it cannot do what it should: what it says, and how it ends.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Output, Stdio},
    time::Duration,
};

use observe::eventually::eventually;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

/// Enough for a busy machine; the program has to give up long before.
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_named() {
    let nobody = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    for (what, arguments) in [
        ("deploy", &["--yes", "--image", "demo-node:latest"][..]),
        ("status", &[]),
        ("destroy", &["--yes"]),
    ] {
        let ended = program(what, nobody).args(arguments).output();
        let ended = ended.await.unwrap();

        let said = error(&ended);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        let silence = format!("error: http://{nobody} does not answer: ");
        assert!(said.contains(&silence), "{said}");
        assert!(said.contains("refused"), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_before_anybody_is_asked() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = listener.local_addr().unwrap();
    for (arguments, remedy) in [
        (&["--yes"][..], "--image demo-node:latest"),
        (
            &["--image", "it", "--vpc-cidr", "10.0.0.0/16"],
            "--network private",
        ),
        (&["--workload", "ec2"], "--program"),
    ] {
        let ended = program("deploy", endpoint).args(arguments).output();
        let ended = ended.await.unwrap();

        let said = error(&ended);
        assert!(!ended.status.success(), "{said}");
        assert!(said.contains(remedy), "{said}");
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it was asked");
}

#[tokio::test]
async fn an_interrupted_deployment_says_how_to_go_on() {
    // Connections are made, and nothing is said on them.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = listener.local_addr().unwrap();
    let program = program("deploy", endpoint)
        .args(["--yes", "--image", "it", "--name", "shop"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    listener.set_nonblocking(true).unwrap();
    let asked = eventually(LIMIT, async || {
        listener.accept().map_err(|error| error.to_string())
    });
    let _connection = asked.await.unwrap();

    let pid = i32::try_from(program.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    let ended = program.wait_with_output().await.unwrap();

    let said = error(&ended);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    for what in ["status", "destroy"] {
        let command = format!(
            "cargo xtask {what} --name shop --region eu-west-1 --endpoint-url http://{endpoint}"
        );
        assert!(said.contains(&command), "{said}");
    }
}

/// The program, with credentials and nothing else of this machine.
fn program(what: &str, endpoint: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deploy"));
    command
        .args([what, "--region", "eu-west-1"])
        .args(["--endpoint-url", &format!("http://{endpoint}")])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn error(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}
