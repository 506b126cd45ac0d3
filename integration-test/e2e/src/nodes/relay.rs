//! A network between nodes that can be split in two and healed again.
//!
//! A node in it listens at an inner address, and its peers know it by an outer one, from which this relays to it.
//! Datagrams have a sender, so a split drops those that cross it. Streams do not, so a split cuts all of them: no
//! node learns anything over HTTP until it heals.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{self, IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UdpSocket},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// Larger than any datagram of nodes.
const LONGEST_DATAGRAM: usize = 65_535;

/// Relays until it is dropped.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    relays: JoinSet<()>,
    /// By outer address.
    handles: BTreeMap<Ipv4Addr, [AbortHandle; 2]>,
}

#[derive(Debug)]
struct Shared {
    /// By inner address.
    nodes: Mutex<BTreeMap<IpAddr, Attached>>,
    /// The outer addresses of one side; empty while the network is not split.
    side: watch::Sender<BTreeSet<Ipv4Addr>>,
}

#[derive(Debug, Clone)]
struct Attached {
    outer: Ipv4Addr,
    datagrams: Arc<UdpSocket>,
}

impl Relay {
    /// Not split, and without nodes.
    pub fn new() -> Self {
        let (side, _) = watch::channel(BTreeSet::new());
        Self {
            shared: Arc::new(Shared {
                nodes: Mutex::default(),
                side,
            }),
            relays: JoinSet::new(),
            handles: BTreeMap::new(),
        }
    }

    /// Makes the node that listens at `inner` known by `outer`.
    pub fn attach(
        &mut self,
        outer: Ipv4Addr,
        inner: Ipv4Addr,
        stream_port: u16,
        datagram_port: u16,
    ) -> io::Result<()> {
        let listener = net::TcpListener::bind((outer, stream_port))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let datagrams = net::UdpSocket::bind((outer, datagram_port))?;
        datagrams.set_nonblocking(true)?;
        let datagrams = Arc::new(UdpSocket::from_std(datagrams)?);

        let node = Attached { outer, datagrams };
        self.shared.nodes().insert(inner.into(), node.clone());

        let streams = relay_streams(
            Arc::clone(&self.shared),
            listener,
            SocketAddr::from((inner, stream_port)),
        );
        let datagrams = relay_datagrams(
            Arc::clone(&self.shared),
            node,
            SocketAddr::from((inner, datagram_port)),
        );
        let handles = [self.relays.spawn(streams), self.relays.spawn(datagrams)];
        self.handles.insert(outer, handles);
        Ok(())
    }

    /// The node at `outer` is gone. Returns its inner address.
    pub fn detach(&mut self, outer: Ipv4Addr) -> Option<Ipv4Addr> {
        for handle in self.handles.remove(&outer).into_iter().flatten() {
            handle.abort();
        }
        let mut inner = None;
        self.shared.nodes().retain(|at, node| {
            if let (true, IpAddr::V4(at)) = (node.outer == outer, at) {
                inner = Some(*at);
            }
            node.outer != outer
        });
        while self.relays.try_join_next().is_some() {}
        inner
    }

    /// Splits the nodes with these outer addresses from all others. Without any, the network heals.
    pub fn split(&self, side: impl IntoIterator<Item = Ipv4Addr>) {
        self.shared.side.send_replace(side.into_iter().collect());
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn nodes(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Attached>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self, one: Ipv4Addr, other: Ipv4Addr) -> bool {
        let side = self.side.borrow();
        side.contains(&one) == side.contains(&other)
    }
}

/// Delivers datagrams for `node`, as if they came from their sender's outer address.
async fn relay_datagrams(shared: Arc<Shared>, node: Attached, inner: SocketAddr) {
    let mut buffer = vec![0; LONGEST_DATAGRAM];
    loop {
        // A failed receive is about an earlier datagram without a receiver: as on any network, it is lost.
        let Ok((length, from)) = node.datagrams.recv_from(&mut buffer).await else {
            continue;
        };
        let sender = shared.nodes().get(&from.ip()).cloned();
        if let Some(sender) = sender
            && shared.connected(sender.outer, node.outer)
        {
            let _lost = sender.datagrams.send_to(&buffer[..length], inner).await;
        }
    }
}

/// Connects streams with the node at `inner`, while the network is not split.
async fn relay_streams(shared: Arc<Shared>, listener: TcpListener, inner: SocketAddr) {
    let mut streams = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = streams.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            continue;
        };
        let mut split = shared.side.subscribe();
        streams.spawn(async move {
            tokio::select! {
                // Checked first: while the network is split, there must be no connection even for a moment.
                biased;
                _ = split.wait_for(|side| !side.is_empty()) => {}
                () = join(stream, inner) => {}
            }
        });
    }
}

async fn join(mut stream: TcpStream, inner: SocketAddr) {
    // If it cannot be reached, or goes away, the asker notices.
    if let Ok(mut node) = TcpStream::connect(inner).await {
        let _ended = copy_bidirectional(&mut stream, &mut node).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use observe::eventually::eventually;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::nodes::addresses::Addresses;

    const STREAM: u16 = 7626;
    const DATAGRAM: u16 = 7355;

    #[tokio::test]
    async fn a_datagram_arrives_from_its_senders_outer_address() {
        let [one, other] = Peer::pair().await;
        let mut network = Relay::new();
        one.attach_to(&mut network);
        other.attach_to(&mut network);

        one.send_to(&other).await;

        assert_eq!(other.next_sender().await, one.outer);
    }

    #[tokio::test]
    async fn no_datagram_crosses_a_split_until_it_heals() {
        let [one, other] = Peer::pair().await;
        let [third, fourth] = Peer::pair().await;
        let mut network = Relay::new();
        for peer in [&one, &other, &third, &fourth] {
            peer.attach_to(&mut network);
        }

        network.split([one.outer, other.outer]);
        one.send_to(&third).await;
        fourth.send_to(&third).await;
        third.send_to(&other).await;
        one.send_to(&other).await;
        assert_eq!(third.next_sender().await, fourth.outer);
        assert_eq!(other.next_sender().await, one.outer);

        network.split([]);
        one.send_to(&third).await;
        assert_eq!(third.next_sender().await, one.outer);
    }

    #[tokio::test]
    async fn a_stream_breaks_when_the_network_splits_and_can_be_opened_when_it_has_healed() {
        let [one, other] = Peer::pair().await;
        let mut network = Relay::new();
        one.attach_to(&mut network);
        let mut stream = one.opens_stream().await.unwrap();

        network.split([other.outer]);
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        assert!(one.opens_stream().await.is_none());

        network.split([]);
        assert!(one.opens_stream().await.is_some());
    }

    #[tokio::test]
    async fn who_is_detached_is_reached_by_nobody_and_leaves_its_address_free() {
        let [one, other] = Peer::pair().await;
        let [third, _fourth] = Peer::pair().await;
        let mut network = Relay::new();
        for peer in [&one, &other, &third] {
            peer.attach_to(&mut network);
        }

        network.detach(one.outer);
        one.send_to(&third).await;
        other.send_to(&third).await;
        assert_eq!(third.next_sender().await, other.outer);
        eventually(Duration::from_secs(10), async || {
            net::TcpListener::bind((one.outer, STREAM)).map(drop)
        })
        .await
        .unwrap();
    }

    struct Peer {
        outer: Ipv4Addr,
        inner: Ipv4Addr,
        socket: UdpSocket,
        listener: TcpListener,
        _addresses: Arc<Addresses>,
    }

    impl Peer {
        async fn pair() -> [Self; 2] {
            let addresses = Arc::new(Addresses::claim().unwrap());
            [
                Self::new(Arc::clone(&addresses)).await,
                Self::new(addresses).await,
            ]
        }

        async fn new(addresses: Arc<Addresses>) -> Self {
            let [outer, inner] = [addresses.next().unwrap(), addresses.next().unwrap()];
            Self {
                outer,
                inner,
                socket: UdpSocket::bind((inner, DATAGRAM)).await.unwrap(),
                listener: TcpListener::bind((inner, STREAM)).await.unwrap(),
                _addresses: addresses,
            }
        }

        fn attach_to(&self, network: &mut Relay) {
            network
                .attach(self.outer, self.inner, STREAM, DATAGRAM)
                .unwrap();
        }

        async fn send_to(&self, other: &Self) {
            let to = (other.outer, DATAGRAM);
            self.socket.send_to(b"hello", to).await.unwrap();
        }

        /// The sender of the datagram that arrives next.
        async fn next_sender(&self) -> IpAddr {
            let received = self.socket.recv_from(&mut [0; 8]).await;
            received.unwrap().1.ip()
        }

        /// A stream through the network, on which something has been said; none where the network breaks it.
        async fn opens_stream(&self) -> Option<TcpStream> {
            let mut stream = TcpStream::connect((self.outer, STREAM)).await.unwrap();
            let accepting = self.listener.accept();
            let greeting = async {
                let (mut accepted, _) = accepting.await.unwrap();
                accepted.write_all(b"!").await.unwrap();
                std::future::pending::<()>().await;
            };
            let mut buffer = [0];
            tokio::select! {
                () = greeting => None,
                read = stream.read(&mut buffer) => (read.unwrap_or(0) == 1).then_some(stream),
            }
        }
    }
}
