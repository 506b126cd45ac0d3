//! What is asked of nodes on the command line.

use std::{collections::BTreeMap, time::Duration};

use e2e::nodes::node::Node;
use observe::eventually::eventually;
use region::Task;
use serde_json::Value;

use crate::support::{CLUSTER, ORDERS, Site, demo_node, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn members_asks_every_node_that_it_is_given() {
    let site = Site::new().await;
    let nodes: Vec<_> = (0..2)
        .map(|_| {
            let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
            site.start(&task, address, hasty())
        })
        .collect();
    for node in &nodes {
        answers(node).await;
    }
    let urls: Vec<_> = nodes
        .iter()
        .map(|node| node.management().to_string())
        .collect();
    let [one, other] = urls.as_slice() else {
        panic!("{urls:?}");
    };
    let nowhere = BTreeMap::<String, String>::new();

    let arguments = ["members", "--json", "--url", other, "--url", one];
    let said = demo_node(&arguments, &nowhere).await;
    assert_eq!(said.status, Some(0), "{said:?}");
    let asked: Vec<_> = said
        .output
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["selfNode"].clone())
        .collect();
    assert_eq!(asked, [nodes[1].uri(), nodes[0].uri()]);

    eventually(PATIENCE, async || nodes[0].ready().await)
        .await
        .unwrap();
    let said = demo_node(&["members", "--url", one], &nowhere).await;
    assert!(said.output.contains(nodes[0].uri()), "{said:?}");

    let said = demo_node(&["members", "--url", one, "--url", "127.0.0.1:1"], &nowhere).await;
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.error.contains("127.0.0.1:1"), "{said:?}");
}

#[tokio::test]
async fn a_node_has_a_page_unless_it_is_switched_off() {
    let site = Site::new().await;
    for (setting, status) in [(None, 200), (Some("on"), 200), (Some("off"), 404)] {
        let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
        let settings = match setting {
            None => hasty(),
            Some(switch) => hasty().with("MANAGEMENT_PAGE", switch),
        };
        let node = site.start(&task, address, settings);
        answers(&node).await;
        let page = node.get("/").await.unwrap();
        assert_eq!(page.status.as_u16(), status, "{setting:?}: {page}");
        assert_eq!(page.body.contains("<!doctype html>"), status == 200);
    }
}

async fn answers(node: &Node) {
    eventually(PATIENCE, async || node.members().await)
        .await
        .unwrap();
}
