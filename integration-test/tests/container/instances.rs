//! The stacks of the private network and of the auto-scaling group in moto, whose instances get a container each.

use std::time::Duration;

use e2e::emulators::moto::Moto;
use observe::eventually::eventually;
use tempfile::TempDir;

use crate::{
    program::{IMAGE, Program},
    traces::{Seen, Traces},
};

/// From the start of the first container.
const FORMING: Duration = Duration::from_secs(60);

#[tokio::test]
async fn instances_are_deployed_shown_and_destroyed() {
    let logs = TempDir::new().unwrap();
    let emulator = Moto::start(IMAGE, logs.path().to_owned()).await.unwrap();
    let traces = Traces::new(emulator.network(), &emulator.endpoint_url());
    let program = Program::new(emulator.endpoint_url());
    let cidr = emulator.vpc_cidr();
    let sum = "0".repeat(64);
    let deploy = [
        "--workload",
        "ec2",
        "--program",
        "s3://programs/demo-node",
        "--program-sha256",
        &sum,
        "--network",
        "private",
        "--vpc-cidr",
        &cidr,
        "--yes",
    ];

    let said = program.run("deploy", &deploy).await;
    said.assert_tells(&[
        "  orders-network           is created\n",
        "  orders-instances         is created\n",
        "==> orders-network\n",
        "==> orders-instances\n",
        "CREATE_COMPLETE",
        "members  cannot be asked from here",
    ]);
    assert_eq!(said.output.matches("\ninstance ").count(), 3, "{said}");

    let nodes = emulator.run_instances("orders").await.unwrap();
    assert_eq!(nodes.len(), 3);
    let shown = eventually(FORMING, async || {
        let said = program.run("status", &[]).await;
        said.shows("instance ", 3).map(|()| said)
    });
    let said = shown.await.unwrap();
    said.assert_tells(&[
        "stack    orders-network           CREATE_COMPLETE\n",
        "stack    orders-instances         CREATE_COMPLETE\n",
    ]);
    for node in &nodes {
        let (_, gossip) = node.uri().split_once('@').unwrap();
        said.assert_tells(&[&format!("running {}", node.name()), gossip]);
        node.ready().await.unwrap();
    }

    let said = program.run("deploy", &deploy).await;
    said.assert_tells(&["nothing to change\n"]);
    assert!(!said.output.contains("==>"), "{said}");
    let said = program
        .attempt("deploy", &["--image", IMAGE, "--yes"])
        .await;
    assert_eq!(said.status, Some(1), "{said}");
    assert!(
        said.to_string()
            .contains("is already deployed, as orders-instances"),
        "{said}"
    );
    assert_eq!(
        traces.look(),
        Seen {
            containers: 3,
            networks: 1,
            emulator: true
        }
    );

    let said = program.run("destroy", &["--yes"]).await;
    said.assert_tells(&[
        "==> orders-instances\n",
        "==> orders-network\n",
        "everything is deleted\n",
    ]);
    let said = program.run("status", &[]).await;
    said.assert_tells(&["there is no cluster orders in eu-west-1"]);

    drop(nodes);
    drop(emulator);
    assert_eq!(traces.look(), Seen::NOTHING);
}
