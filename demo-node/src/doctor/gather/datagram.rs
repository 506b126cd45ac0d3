//! Asks on a gossip port: from a port of its own, so that a node may run here meanwhile.

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

/// Datagrams get lost.
const TRIES: u32 = 3;

/// The pause between two questions, and the wait after the last.
const PAUSE: Duration = Duration::from_millis(500);

/// What came of it.
pub(super) async fn ask(from: Option<IpAddr>, to: SocketAddr, sealer: &Sealer) -> Gossip {
    match exchange(from, to, sealer).await {
        Ok(heard) => heard,
        // The host says that nobody listens there.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Gossip::Refused,
        Err(error) => Gossip::Failed(error.to_string()),
    }
}

async fn exchange(from: Option<IpAddr>, to: SocketAddr, sealer: &Sealer) -> io::Result<Gossip> {
    let socket = bind(from, to).await?;
    socket.connect(to).await?;
    let mut questions = Vec::new();
    for _ in 0..TRIES {
        let (now, nonce) = (sealer.fresh)();
        let question = Question::new(&sealer.keyring, &sealer.cluster, now, nonce);
        socket.send(question.datagram()).await?;
        questions.push(question);
        // A late answer to an earlier question is one, too.
        if let Ok(heard) = timeout(PAUSE, answer(&socket, &questions, sealer)).await {
            return heard;
        }
    }
    Ok(Gossip::Silent)
}

/// From where a node here would send, as security groups and routes may tell addresses apart.
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

/// Waits for an answer. Whatever else comes is passed over.
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
