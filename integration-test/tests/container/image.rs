//! The image by itself: what it needs to run, what it answers, and how it ends.

use std::time::Duration;

use observe::eventually::eventually;
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt,
    core::{ExecCommand, IntoContainerPort},
    runners::AsyncRunner,
};

use crate::program::IMAGE;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where management HTTP listens.
const MANAGEMENT: u16 = 7626;

#[tokio::test]
async fn a_node_runs_locked_up_is_healthy_and_leaves_when_it_is_told_to() {
    let node = start().await;

    eventually(PATIENCE, async || {
        let check = ["/demo-node", "healthcheck"];
        let mut checked = node.exec(ExecCommand::new(check)).await.unwrap();
        let said = checked.stdout_to_vec().await.unwrap();
        match checked.exit_code().await.unwrap() {
            Some(0) => Ok(()),
            status => Err(format!("{status:?} {}", String::from_utf8_lossy(&said))),
        }
    })
    .await
    .unwrap();
    let port = node.get_host_port_ipv4(MANAGEMENT).await.unwrap();
    let alive = observe::http::get(([127, 0, 0, 1], port).into(), "/alive").await;
    assert_eq!(alive.unwrap().status, 200);

    // SIGTERM, and SIGKILL after the time that is given.
    node.stop_with_timeout(Some(20)).await.unwrap();
    let log = String::from_utf8(node.stderr_to_vec().await.unwrap()).unwrap();
    assert_eq!(node.exit_code().await.unwrap(), Some(0), "{log}");
    assert!(log.contains("leaving the cluster"), "{log}");
}

/// A node that is a cluster by itself, with no more rights than on ECS.
async fn start() -> ContainerAsync<GenericImage> {
    let (name, tag) = IMAGE.split_once(':').unwrap();
    let settings = [
        ("BOOTSTRAP_SERVICE_NAME", "orders"),
        ("BOOTSTRAP_EXPECTED_NODES", "1"),
        ("DISCOVERY_METHOD", "config"),
        ("DISCOVERY_CONFIG_ADDRESSES", "127.0.0.1"),
        (
            "MEMBERSHIP_KEYS",
            "a key that only this test of the image has",
        ),
        ("NODE_ADDRESS", "127.0.0.1"),
        ("NODE_BIND_ADDRESS", "0.0.0.0"),
    ];
    let image = GenericImage::new(name, tag)
        .with_exposed_port(MANAGEMENT.tcp())
        .with_readonly_rootfs(true)
        .with_cap_drop("ALL")
        .with_security_opt("no-new-privileges");
    let image = settings.iter().fold(image, |image, (name, value)| {
        image.with_env_var(format!("DEMO_NODE_{name}"), *value)
    });
    image.start().await.unwrap()
}
