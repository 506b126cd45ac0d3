//! Somebody on the network who does not have the key learns nothing of the members by gossip, and changes nothing.

use std::{io::ErrorKind, net::Ipv4Addr, time::Duration};

use demo_node::{
    bootstrap::wire::{Sealer, SeedNodes},
    cluster::{ClusterId, NodeUid},
    http::Ask,
    management::{self, Limits},
    net::Tcp,
    seal::{Keyring, Nonce, Purpose, Scope},
};
use e2e::nodes::node::Node;
use hyper::{Method, body::Bytes};
use observe::eventually::eventually;
use region::Task;
use serde_json::json;
use simulation::stranger::{FORMATION, Stranger};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::support::{CLUSTER, ORDERS, Site, bootstrap, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many datagrams of each kind.
const MANY: u64 = 5;

#[tokio::test]
async fn a_stranger_neither_learns_members_nor_alters_the_cluster() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let node = site.start(&task, address, hasty());
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    let before = node.members().await.unwrap();

    // What it says is refused and counted, and never answered.
    let stranger = UdpSocket::bind((site.addresses.next().unwrap(), 0))
        .await
        .unwrap();
    let mut sent = 0;
    let id = &before.cluster.as_ref().unwrap().id;
    for serial in 0..MANY {
        for datagram in [
            vec![u8::try_from(serial).unwrap(); 200],
            vec![0; 2000],
            Vec::new(),
            sealed_with_another_key(id, serial),
        ] {
            stranger.send_to(&datagram, (address, 7355)).await.unwrap();
            sent += 1;
            // One at a time: whatever finds the node's queue full would be lost uncounted.
            eventually(PATIENCE, async || {
                let refused = refused(&node).await;
                if refused == sent {
                    Ok(())
                } else {
                    Err(format!("{refused} of {sent} datagrams are refused"))
                }
            })
            .await
            .unwrap();
        }
    }
    let heard = stranger.try_recv_from(&mut [0; 2000]).unwrap_err();
    assert_eq!(heard.kind(), ErrorKind::WouldBlock);

    // Over HTTP it gets the state sealed, and may not write.
    assert!(!names(&state_of(&node).await, address));
    let stranger = stranger_at(site.addresses.next().unwrap());
    let decided = stranger.founding_message(uid(&node).await);
    let form = b"address=cluster%3A%2F%2Forders%40127.0.0.1%3A1&operation=Down";
    let form = ("application/x-www-form-urlencoded", &form[..]);
    let member = format!("/cluster/members/{address}:7355");
    for (method, path, (media_type, body)) in [
        (Method::POST, "/cluster/members", form),
        (Method::DELETE, &member, form),
        (Method::PUT, &member, form),
        (
            Method::POST,
            "/bootstrap/founding",
            ("application/octet-stream", &decided),
        ),
    ] {
        let ask = Ask {
            method,
            body: Some((media_type, body.to_vec().into())),
            ..Ask::get(path)
        };
        let (status, _) = demo_node::http::ask(&Tcp, node.management(), ask, PATIENCE)
            .await
            .unwrap();
        assert_eq!(status.as_u16(), 403, "{path}");
    }

    assert_eq!(node.members().await.unwrap(), before);
    node.ready().await.unwrap();
}

#[tokio::test]
async fn without_a_key_the_state_names_the_members() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let unsealed = hasty()
        .with("MEMBERSHIP_KEYS", "")
        .with("MEMBERSHIP_UNSEALED", "on");
    let node = site.start(&task, address, unsealed);
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    assert!(names(&state_of(&node).await, address));
}

#[tokio::test]
async fn a_stranger_whom_discovery_lists_is_neither_joined_nor_waited_for() {
    let site = Site::new().await;
    let (_task, strange) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let stranger = stranger_at(strange);
    let listener = TcpListener::bind((strange, 7626)).await.unwrap();
    let mut answering = JoinSet::new();
    answering.spawn(management::serve(
        listener,
        stranger.router(),
        Limits::default(),
        CancellationToken::new(),
    ));
    let nodes: Vec<Node> = (0..2)
        .map(|_| {
            let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
            let settings = hasty().with("BOOTSTRAP_EXPECTED_NODES", "2");
            site.start(&task, address, settings)
        })
        .collect();

    // Its address is the lowest, and it says that there is a cluster.
    for node in &nodes {
        let members = eventually(PATIENCE, async || match node.members().await {
            Ok(members) if members.members.len() == 2 => Ok(members),
            other => Err(format!("{other:?}")),
        })
        .await
        .unwrap();
        let cluster = members.cluster.unwrap().id;
        assert_ne!(cluster, FORMATION.id.to_string());

        // It may have been faster than the stranger's answer.
        let status = eventually(PATIENCE, async || {
            let status = bootstrap(node).await.unwrap();
            let points = status["contactPoints"].as_array().unwrap();
            let problem = points
                .iter()
                .find(|point| point["contactPoint"] == format!("{strange}:7626"))
                .and_then(|point| point["problem"].as_str());
            match problem {
                Some(problem) if problem.contains("does not have the cluster's key") => Ok(status),
                _ => Err(status.to_string()),
            }
        })
        .await
        .unwrap();
        assert_eq!(status["alarms"], json!([]));
    }
}

fn stranger_at(address: Ipv4Addr) -> Stranger {
    let sealer = Sealer {
        keyring: own_key(),
        cluster: ORDERS.parse().unwrap(),
        fresh: || (demo_node::clock::unix_millis(), Nonce::random()),
    };
    Stranger::new(address.into(), 7626, 7355, sealer)
}

fn own_key() -> Keyring {
    Keyring::from_secrets(&["a key that nobody else has, and no node was told"]).unwrap()
}

async fn uid(node: &Node) -> NodeUid {
    let answer = node.get("/bootstrap/seed-nodes").await.unwrap();
    let answer: SeedNodes = serde_json::from_str(&answer.body).unwrap();
    answer.self_uid
}

async fn state_of(node: &Node) -> Bytes {
    let ask = Ask::get("/cluster/state");
    let (status, state) = demo_node::http::ask(&Tcp, node.management(), ask, PATIENCE)
        .await
        .unwrap();
    assert_eq!(status.as_u16(), 200);
    state
}

/// Whether the address can be read in it: members are written with theirs, as four bytes.
fn names(state: &[u8], address: Ipv4Addr) -> bool {
    state.windows(4).any(|bytes| bytes == address.octets())
}

/// As a member would send it, but for the key.
fn sealed_with_another_key(cluster: &str, serial: u64) -> Vec<u8> {
    let id = ClusterId(u128::from_str_radix(cluster, 16).unwrap());
    let scope = Scope {
        purpose: Purpose::Gossip,
        cluster: &ORDERS.parse().unwrap(),
        id: Some(id),
    };
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(&serial.to_be_bytes());
    own_key().seal(
        scope,
        b"let me in",
        demo_node::clock::unix_millis(),
        Nonce(nonce),
    )
}

async fn refused(node: &Node) -> u64 {
    let metrics = node.get("/metrics").await.unwrap();
    metrics
        .body
        .lines()
        .filter(|line| line.starts_with("demo_node_datagrams_rejected_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}
