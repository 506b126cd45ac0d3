//! Somebody on the network who does not have the key learns nothing of the members by gossip, and changes nothing.

use std::{io::ErrorKind, net::Ipv4Addr, time::Duration};

use demo_node::{
    cluster::ClusterId,
    seal::{Keyring, Nonce, Purpose, Scope},
};
use integration_test::{
    eventually::eventually,
    nodes::{http, node::Node},
    region::Task,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use crate::support::{CLUSTER, ORDERS, Site, hasty};

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
    let state = http::get(node.management(), "/cluster/state")
        .await
        .unwrap();
    assert!(!state.body.contains(&address.to_string()), "{state}");
    for (request, status) in [
        ("POST /cluster/members", 403),
        (&format!("DELETE /cluster/members/{address}:7355"), 403),
        (&format!("PUT /cluster/members/{address}:7355"), 403),
        ("POST /bootstrap/founding", 403),
    ] {
        let answered = write(address, request).await;
        assert_eq!(answered, status, "{request}");
    }

    assert_eq!(node.members().await.unwrap(), before);
    node.ready().await.unwrap();
}

/// As a member would send it, but for the key.
fn sealed_with_another_key(cluster: &str, serial: u64) -> Vec<u8> {
    let keyring =
        Keyring::from_secrets(&["a key that nobody else has, and no node was told"]).unwrap();
    let id = ClusterId(u128::from_str_radix(cluster, 16).unwrap());
    let scope = Scope {
        purpose: Purpose::Gossip,
        cluster: &ORDERS.parse().unwrap(),
        id: Some(id),
    };
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(&serial.to_be_bytes());
    keyring.seal(
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

/// The status of the answer.
async fn write(node: Ipv4Addr, request: &str) -> u16 {
    let body = "address=cluster%3A%2F%2Forders%40127.0.0.1%3A1&operation=Down";
    let mut stream = TcpStream::connect((node, 7626)).await.unwrap();
    let text = format!(
        "{request} HTTP/1.1\r\nhost: {node}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
