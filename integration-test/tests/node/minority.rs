//! A member that loses most of the others, and what it does about it.

use std::time::Duration;

use e2e::nodes::node::Node;
use observe::eventually::eventually;
use region::Task;
use serde_json::Value;

use crate::support::{CLUSTER, ORDERS, Site, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Three members, of which two die without a word, and what the third shall do.
async fn last_of_three(site: &Site, on_minority: &str) -> Node {
    let settings = hasty()
        .with("BOOTSTRAP_EXPECTED_NODES", "3")
        .with("MEMBERSHIP_MINORITY_AFTER", "500ms")
        .with("MEMBERSHIP_ON_MINORITY", on_minority);
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
        nodes.push(site.start(&task, address, settings.clone()));
    }
    eventually(PATIENCE, async || {
        for node in &nodes {
            let members = node.members().await.map_err(|error| error.to_string())?;
            if members.members.len() != 3 {
                return Err(format!("{members:?}"));
            }
        }
        Ok(())
    })
    .await
    .unwrap();
    for mut node in nodes.drain(1..) {
        node.kill().await.unwrap();
    }
    nodes.remove(0)
}

async fn answers(node: &Node, path: &str) -> Result<(u16, Value), String> {
    let answer = node.get(path).await.map_err(|error| error.to_string())?;
    let body = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    Ok((answer.status.as_u16(), body))
}

async fn says_so(node: &Node) {
    eventually(PATIENCE, async || {
        let (_, members) = answers(node, "/cluster/members").await?;
        let minority = &members["minority"];
        let expected = serde_json::json!({ "reachable": 1, "majority": 2 });
        if *minority == expected {
            Ok(())
        } else {
            Err(members.to_string())
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn it_says_so_and_stays_ready_unless_told_otherwise() {
    for (on_minority, ready) in [("report", 200), ("unready", 503)] {
        let site = Site::new().await;
        let node = last_of_three(&site, on_minority).await;
        says_so(&node).await;
        let (status, answer) = answers(&node, "/ready").await.unwrap();
        assert_eq!(status, ready, "{on_minority}: {answer}");
        let metrics = node.get("/metrics").await.unwrap().body;
        assert!(metrics.contains("demo_node_minority 1\n"), "{metrics}");
        assert!(node.log().contains("smaller side of a split"));
    }
}

#[tokio::test]
async fn it_leaves_and_ends_where_it_shall_and_another_life_of_it_founds_nothing() {
    let site = Site::new().await;
    let mut node = last_of_three(&site, "leave").await;
    let ended = node.ended().await.unwrap();
    assert_eq!(ended.code(), Some(1), "{}", node.log());
    assert!(
        node.log().contains("membership.on-minority"),
        "{}",
        node.log()
    );

    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let alone = hasty().with("BOOTSTRAP_EXPECTED_NODES", "3");
    let node = site.start(&task, address, alone);
    let waits = async || {
        let (_, status) = answers(&node, "/bootstrap").await?;
        match status["reason"]["rule"].as_str() {
            Some("too-few-answered") => Ok(()),
            _ => Err(status.to_string()),
        }
    };
    eventually(PATIENCE, waits).await.unwrap();
}
