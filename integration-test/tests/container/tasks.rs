//! The stack of the ECS service in MiniStack, which runs its tasks.

use std::time::Duration;

use e2e::emulators::ministack::Ministack;
use observe::eventually::eventually;
use tempfile::TempDir;

use crate::{
    program::{IMAGE, Program, Said},
    traces::{Seen, Traces},
};

/// MiniStack starts containers one after the other.
const FORMING: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_service_is_deployed_shown_changed_and_destroyed() {
    let logs = TempDir::new().unwrap();
    let emulator = Ministack::start(IMAGE, logs.path()).await.unwrap();
    let traces = Traces::new(emulator.network(), &emulator.endpoint_url());
    let program = Program::new(emulator.endpoint_url());

    let said = program.run("status", &[]).await;
    said.assert_tells(&["there is no cluster orders in eu-west-1"]);

    let deploy = ["--image", IMAGE, "--yes"];
    let said = program.run("deploy", &deploy).await;
    said.assert_tells(&[
        "  orders-service           is created\n",
        "==> orders-service\n",
        "AWS::ECS::Service",
        "CREATE_COMPLETE",
        "to remove everything: cargo xtask destroy --name orders --region eu-west-1 --endpoint-url http://",
    ]);
    let said = shown(&program, 3).await;
    said.assert_tells(&[
        "stack    orders-service           CREATE_COMPLETE\n",
        "3 of 3 tasks run\n",
    ]);

    let said = program.run("deploy", &deploy).await;
    said.assert_tells(&[
        "orders-service           stays as it is\n",
        "nothing to change\n",
    ]);
    assert!(!said.output.contains("==>"), "{said}");

    let said = program
        .run("deploy", &["--image", IMAGE, "--nodes", "5", "--yes"])
        .await;
    said.assert_tells(&["is changed: DesiredCount 3 -> 5", "UPDATE_COMPLETE"]);
    let said = shown(&program, 5).await;
    said.assert_tells(&["5 of 5 tasks run\n"]);
    // The anchor, which never runs, is on the network as well.
    assert_eq!(
        traces.look(),
        Seen {
            containers: 6,
            networks: 1,
            emulator: true
        }
    );

    let said = program.run("destroy", &["--yes"]).await;
    said.assert_tells(&[
        "==> orders-service\n",
        "DELETE_COMPLETE",
        "everything is deleted\n",
    ]);
    assert_eq!(
        traces.look(),
        Seen {
            containers: 1,
            networks: 1,
            emulator: true
        }
    );
    let said = program.run("destroy", &["--yes"]).await;
    said.assert_tells(&["there are no stacks of orders in eu-west-1\n"]);

    drop(emulator);
    assert_eq!(traces.look(), Seen::NOTHING);
}

#[tokio::test]
async fn nothing_is_done_where_nobody_can_be_asked() {
    let logs = TempDir::new().unwrap();
    let emulator = Ministack::start(IMAGE, logs.path()).await.unwrap();
    let program = Program::new(emulator.endpoint_url());

    let said = program.attempt("deploy", &["--image", IMAGE]).await;

    assert_eq!(said.status, Some(1), "{said}");
    assert!(said.to_string().contains("give --yes"), "{said}");
    let said = program.run("status", &[]).await;
    said.assert_tells(&["there is no cluster orders in eu-west-1"]);
}

#[tokio::test]
async fn a_stack_of_somebody_else_is_left_alone() {
    let logs = TempDir::new().unwrap();
    let emulator = Ministack::start(IMAGE, logs.path()).await.unwrap();
    let cloudformation = aws_sdk_cloudformation::Client::new(emulator.config());
    let template = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#;
    let creation = cloudformation
        .create_stack()
        .stack_name("orders-service")
        .template_body(template)
        .send();
    creation.await.unwrap();
    let program = Program::new(emulator.endpoint_url());

    for (what, arguments) in [
        ("deploy", &["--image", IMAGE, "--yes"][..]),
        ("destroy", &["--yes"]),
        ("status", &[]),
    ] {
        let said = program.attempt(what, arguments).await;
        assert_eq!(said.status, Some(1), "{said}");
        let refusal = "the stack orders-service was not made by this program";
        assert!(said.to_string().contains(refusal), "{said}");
    }
    let found = cloudformation
        .describe_stacks()
        .stack_name("orders-service")
        .send();
    assert_eq!(found.await.unwrap().stacks().len(), 1);
}

/// What `status` says once this many tasks are one cluster, and the service counts them all: it may be the last to know.
async fn shown(program: &Program, tasks: usize) -> Said {
    let shown = eventually(FORMING, async || {
        let said = program.run("status", &[]).await;
        said.shows("task     ", tasks)?;
        let counted = format!("{tasks} of {tasks} tasks run\n");
        if said.output.contains(&counted) {
            Ok(said)
        } else {
            Err(format!("no {counted:?} in {said}"))
        }
    });
    shown.await.unwrap()
}
