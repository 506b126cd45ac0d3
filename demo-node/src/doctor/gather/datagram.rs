//! Asks on a gossip port, from a separate local port, so that a node can keep running here.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};

use crate::{
    bootstrap::{clocks::Skew, wire::Sealer},
    doctor::facts::Gossip,
    membership::{self, echo::Question},
};

/// Datagrams may get lost, so each question is sent several times.
const TRIES: u32 = 3;

/// The pause between two questions, and the wait after the last.
const PAUSE: Duration = Duration::from_millis(500);

/// The result.
pub(super) async fn ask(from: Option<IpAddr>, to: SocketAddr, sealer: &Sealer) -> Gossip {
    match exchange(from, to, sealer).await {
        Ok(heard) => heard,
        // The host says that nothing listens there.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Gossip::Refused,
        Err(error) => Gossip::Failed(error.to_string()),
    }
}

async fn exchange(from: Option<IpAddr>, to: SocketAddr, sealer: &Sealer) -> io::Result<Gossip> {
    if let Some(from) = from.filter(|from| !can_send(*from, to.ip())) {
        let why = format!("a node here sends from {from}, an address of the other address family");
        return Ok(Gossip::Failed(why));
    }
    let socket = bind(from, to).await?;
    socket.connect(to).await?;
    let mut questions = Vec::new();
    for _ in 0..TRIES {
        let (now, nonce) = (sealer.fresh)();
        let question = Question::new(&sealer.keyring, &sealer.cluster, now, nonce);
        socket.send(question.datagram()).await?;
        questions.push(question);
        // A late answer to an earlier question also counts.
        if let Ok(heard) = timeout(PAUSE, answer(&socket, &questions, sealer)).await {
            return heard;
        }
    }
    Ok(Gossip::Silent)
}

/// Whether a node's socket at this address can send there: one at `::` sends with both families.
fn can_send(from: IpAddr, to: IpAddr) -> bool {
    from.is_ipv4() == to.is_ipv4() || from == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

/// The address from which a node here would send, since security groups and routes may treat addresses differently.
async fn bind(from: Option<IpAddr>, to: SocketAddr) -> io::Result<UdpSocket> {
    if let Some(from) = from.filter(|from| from.is_ipv4() == to.is_ipv4())
        && let Ok(socket) = UdpSocket::bind((from, 0)).await
    {
        return Ok(socket);
    }
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).await
}

/// Waits for an answer. Other datagrams are ignored.
async fn answer(socket: &UdpSocket, questions: &[Question], sealer: &Sealer) -> io::Result<Gossip> {
    let mut buffer = [0; membership::DATAGRAM_LIMIT];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let (keyring, cluster) = (&sealer.keyring, &sealer.cluster);
        for question in questions {
            if let Ok(echo) = question.read(keyring, cluster, &buffer[..length]) {
                let skew = Skew::of(echo.stamp, question.asked_at(), (sealer.fresh)().0);
                return Ok(Gossip::Answered {
                    uid: echo.uid,
                    cluster: echo.cluster,
                    skew,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock,
        seal::{Keyring, Nonce},
    };

    #[tokio::test]
    async fn a_peer_of_the_other_family_is_not_asked_as_no_node_would() {
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = peer.local_addr().unwrap();
        let sealer = Sealer {
            keyring: Keyring::unsealed(),
            cluster: "orders".parse().unwrap(),
            fresh: || (clock::unix_millis(), Nonce::random()),
        };
        let heard = ask(Some(Ipv6Addr::LOCALHOST.into()), to, &sealer).await;
        let Gossip::Failed(why) = heard else {
            panic!("{heard:?}");
        };
        assert!(why.contains("other address family"), "{why}");
        let any = Some(Ipv6Addr::UNSPECIFIED.into());
        assert_eq!(ask(any, to, &sealer).await, Gossip::Silent);
    }
}
