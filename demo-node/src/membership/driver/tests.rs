//! The task, over a network in memory while time stands still, and over the loopback.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use tokio::{
    net::UdpSocket,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::*;
use crate::{
    membership::{
        echo::{Echo, Question},
        handle::Refused,
        testing::{address, formation, settings},
    },
    seal::Nonce,
};

const SECOND: Duration = Duration::from_secs(1);

/// A datagram and its sender.
type Post = (Vec<u8>, SocketAddr);

/// Sockets in memory. What is sent to an address that nobody has is lost.
#[derive(Default)]
struct Memory {
    inboxes: Mutex<BTreeMap<SocketAddr, mpsc::UnboundedSender<Post>>>,
}

struct MemorySocket {
    memory: Arc<Memory>,
    address: SocketAddr,
    inbox: tokio::sync::Mutex<mpsc::UnboundedReceiver<Post>>,
}

impl Memory {
    fn bind(self: &Arc<Self>, address: SocketAddr) -> MemorySocket {
        let (sender, inbox) = mpsc::unbounded_channel();
        self.inboxes.lock().unwrap().insert(address, sender);
        MemorySocket {
            memory: Arc::clone(self),
            address,
            inbox: inbox.into(),
        }
    }
}

impl Datagram for MemorySocket {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        if let Some(inbox) = self.memory.inboxes.lock().unwrap().get(&to) {
            let _lost = inbox.send((datagram.to_vec(), self.address));
        }
        Ok(datagram.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (datagram, from) = self.inbox.lock().await.recv().await.unwrap();
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok((length, from))
    }
}

/// A wall clock that stands still: good for the seal, and nothing else here reads one.
fn noon() -> u64 {
    1_800_000_000_000
}

fn environment(seed: u64) -> Environment {
    Environment::simulated(seed, noon)
}

async fn up(handle: &Handle, size: usize) {
    let mut members = handle.members();
    let all_up = members.wait_for(|members| members.up().count() == size);
    timeout(30 * SECOND, all_up).await.unwrap().unwrap();
}

/// Nodes 1 to `size`, one cluster, with their tasks.
async fn cluster(
    memory: &Arc<Memory>,
    size: u8,
) -> Vec<(Handle, JoinHandle<Result<Departure, Broken>>)> {
    let mut nodes = Vec::new();
    for last in 1..=size {
        let socket = memory.bind(address(last));
        let (handle, driver) = new(settings(last), socket, environment(last.into())).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test watches the handle")]
        let task = tokio::spawn(driver.run(CancellationToken::new()));
        match last {
            1 => handle.found(formation(1)).await.unwrap(),
            _ => handle.join(formation(1), vec![address(1)]).await.unwrap(),
        }
        nodes.push((handle, task));
    }
    for (handle, _) in &nodes {
        up(handle, size.into()).await;
    }
    nodes
}

#[tokio::test(start_paused = true)]
async fn nodes_join_and_a_departure_is_seen_and_ends_the_task() {
    let memory = Arc::default();
    let mut nodes = cluster(&memory, 3).await;
    let (last, task) = nodes.pop().unwrap();
    let begin = tokio::time::Instant::now();
    last.leave().await;
    assert!(begin.elapsed() < 2 * SECOND);
    assert_eq!(task.await.unwrap().unwrap(), Departure::Left);
    for (handle, _) in &nodes {
        up(handle, 2).await;
    }
    assert!(begin.elapsed() < 2 * SECOND);
    assert_eq!(last.found(formation(1)).await, Err(Refused::Stopped));
    // Leaving twice is no mistake.
    last.leave().await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_asked_to_go_ends_with_the_reason() {
    let memory = Arc::default();
    let mut nodes = cluster(&memory, 3).await;
    let (_, downed) = nodes.pop().unwrap();
    let (_, left) = nodes.pop().unwrap();
    let (first, _) = &nodes[0];
    first.leave_member(address(2)).await.unwrap();
    assert_eq!(left.await.unwrap().unwrap(), Departure::Left);
    first.down(address(3)).await.unwrap();
    assert_eq!(downed.await.unwrap().unwrap(), Departure::Downed);
    up(first, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_task_says_nothing_and_is_found_out() {
    let memory = Arc::default();
    let (first, _) = cluster(&memory, 1).await.remove(0);
    let stop = CancellationToken::new();
    let socket = memory.bind(address(2));
    let (second, driver) = new(settings(2), socket, environment(2)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run(stop.clone()));
    second.join(formation(1), vec![address(1)]).await.unwrap();
    up(&first, 2).await;
    stop.cancel();
    assert_eq!(
        tasks.join_next().await.unwrap().unwrap().unwrap(),
        Departure::Stopped
    );
    up(&first, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_state_makes_a_member_without_a_seed() {
    let memory = Arc::default();
    let nodes = cluster(&memory, 2).await;
    let socket = memory.bind(address(3));
    let (third, driver) = new(settings(3), socket, environment(3)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run(CancellationToken::new()));
    third.join(formation(1), Vec::new()).await.unwrap();
    third
        .merge(nodes[0].0.state().await.unwrap())
        .await
        .unwrap();
    up(&third, 3).await;
    up(&nodes[1].0, 3).await;
}

#[tokio::test(start_paused = true)]
async fn traffic_is_counted() {
    let memory = Arc::default();
    let nodes = cluster(&memory, 2).await;
    let stranger = memory.bind(address(9));
    stranger.send_to(b"hello", address(1)).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let traffic = nodes[0].0.traffic().await.unwrap();
    assert_eq!(traffic.rejected, [(Rejection::TooShort, 1)].into());
    assert!(5 < traffic.sent && 5 < traffic.received);
    assert!(traffic.sent * 60 < traffic.sent_bytes);
}

/// Asks node 1 whether it is there, with these nonces one after the other, until it is silent; what it says.
async fn echoes(memory: &Arc<Memory>, nonces: impl IntoIterator<Item = u8>, at: u64) -> Vec<Echo> {
    let (asker, local) = (memory.bind(address(9)), settings(1));
    let mut echoes = Vec::new();
    for nonce in nonces {
        let nonce = Nonce([nonce; 24]);
        let question = Question::new(&local.keyring, &local.cluster, at, nonce);
        let sent = asker.send_to(question.datagram(), address(1)).await;
        sent.unwrap();
        let mut answer = [0; DATAGRAM_LIMIT];
        let Ok(received) = timeout(SECOND / 2, asker.recv_from(&mut answer)).await else {
            break;
        };
        let answer = &answer[..received.unwrap().0];
        let echo = question.read(&local.keyring, &local.cluster, answer);
        echoes.push(echo.unwrap());
    }
    echoes
}

#[tokio::test(start_paused = true)]
async fn a_node_says_that_it_is_there_in_a_cluster_or_not_and_nothing_changes() {
    let memory: Arc<Memory> = Arc::default();
    let socket = memory.bind(address(1));
    let (handle, driver) = new(settings(1), socket, environment(1)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run(CancellationToken::new()));
    for (nonce, cluster) in [(1, None), (2, Some(formation(1)))] {
        if let Some(formation) = cluster {
            handle.found(formation).await.unwrap();
        }
        let before = handle.members().borrow().clone();
        // Whatever the clock of who asks says.
        let expected = Echo {
            uid: settings(1).uid,
            cluster: cluster.map(|formation| formation.id),
            stamp: noon(),
        };
        assert_eq!(echoes(&memory, [nonce], 0).await, [expected]);
        assert_eq!(*handle.members().borrow(), before);
    }
    let traffic = handle.traffic().await.unwrap();
    assert_eq!((traffic.received, traffic.sent), (2, 2));
    assert_eq!(traffic.rejected, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_node_says_so_only_so_often() {
    let memory = Arc::default();
    let _nodes = cluster(&memory, 1).await;
    assert_eq!(echoes(&memory, 0..200, noon()).await.len(), 50);
    tokio::time::sleep(SECOND).await;
    assert_eq!(echoes(&memory, [200], noon()).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_repeated_is_answered_once_and_uses_up_nothing() {
    let memory = Arc::default();
    let _nodes = cluster(&memory, 1).await;
    let (recorder, local) = (memory.bind(address(8)), settings(1));
    let question = Question::new(&local.keyring, &local.cluster, noon(), Nonce([200; 24]));
    for _ in 0..100 {
        let sent = recorder.send_to(question.datagram(), address(1)).await;
        sent.unwrap();
    }
    assert_eq!(echoes(&memory, 0..200, noon()).await.len(), 49);
}

/// A socket on which nothing works for so many receptions.
struct Faulty {
    failures: AtomicU32,
}

impl Datagram for Faulty {
    async fn send_to(&self, _: &[u8], _: SocketAddr) -> io::Result<usize> {
        Err(io::ErrorKind::HostUnreachable.into())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let before = self.failures.load(Ordering::Relaxed);
        match before.checked_sub(1) {
            None => std::future::pending().await,
            Some(left) if left % 20 == 0 => {
                self.failures.store(left, Ordering::Relaxed);
                buffer[0] = 7;
                Ok((1, address(9)))
            }
            Some(left) => {
                self.failures.store(left, Ordering::Relaxed);
                Err(io::ErrorKind::ConnectionRefused.into())
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_socket_that_keeps_failing_ends_the_task() {
    let run = async |failures| {
        let socket = Faulty {
            failures: AtomicU32::new(failures),
        };
        let (handle, driver) = new(settings(1), socket, environment(1)).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run(CancellationToken::new()));
        handle.join(formation(1), vec![address(2)]).await.ok();
        timeout(5 * SECOND, tasks.join_next()).await.is_ok()
    };
    assert!(!run(FAILURES).await);
    assert!(run(19).await);
}

#[tokio::test(start_paused = true)]
async fn a_datagram_that_cannot_be_sent_is_counted_and_no_more() {
    let socket = Faulty {
        failures: AtomicU32::new(0),
    };
    let (handle, driver) = new(settings(1), socket, environment(1)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run(CancellationToken::new()));
    handle.join(formation(1), vec![address(2)]).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let traffic = handle.traffic().await.unwrap();
    assert!(1 < traffic.unsent);
    assert_eq!(traffic.unsent, traffic.sent);
}

/// A socket on which there is something to receive every half millisecond, for so many times, and
/// which never lets its task rest in between.
struct Flood {
    left: AtomicU32,
}

impl Datagram for Flood {
    async fn send_to(&self, datagram: &[u8], _: SocketAddr) -> io::Result<usize> {
        Ok(datagram.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let Some(left) = self.left.load(Ordering::Relaxed).checked_sub(1) else {
            return std::future::pending().await;
        };
        self.left.store(left, Ordering::Relaxed);
        // Time has moved when this is polled first; what it then waits for does not matter.
        let _moved = tokio::time::advance(Duration::from_micros(500)).now_or_never();
        buffer[..3].copy_from_slice(b"foo");
        Ok((3, address(9)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_does_not_keep_the_node_from_its_duties() {
    let socket = Flood {
        left: AtomicU32::new(20_000),
    };
    let (handle, driver) = new(settings(1), socket, environment(1)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run(CancellationToken::new()));
    handle.join(formation(1), vec![address(2)]).await.unwrap();
    let traffic = handle.traffic().await.unwrap();
    assert_eq!(traffic.received, 20_000);
    // Ten seconds of asking to be let in, at first more often than every two.
    assert!((6..=10).contains(&traffic.sent), "{}", traffic.sent);
}

#[tokio::test(start_paused = true)]
async fn a_flood_does_not_keep_requests_waiting() {
    let socket = Flood {
        left: AtomicU32::new(20_000),
    };
    let (handle, driver) = new(settings(1), socket, environment(1)).unwrap();
    // It is asked before the flood begins, and cannot be answered before.
    let mut traffic = std::pin::pin!(handle.traffic());
    assert!(traffic.as_mut().now_or_never().is_none());
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run(CancellationToken::new()));
    let traffic = traffic.await.unwrap();
    assert!(traffic.received <= u64::from(BURST), "{}", traffic.received);
}

#[tokio::test]
async fn real_sockets_do() {
    let mut tasks = JoinSet::new();
    let mut handles: Vec<Handle> = Vec::new();
    let mut seed = None;
    for last in 1..=3 {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut settings = settings(last);
        settings.gossip = socket.local_addr().unwrap();
        let node = settings.gossip;
        let (handle, driver) = new(settings, socket, Environment::system()).unwrap();
        tasks.spawn(driver.run(CancellationToken::new()));
        match seed {
            None => handle.found(formation(1)).await.unwrap(),
            Some(seed) => handle.join(formation(1), vec![seed]).await.unwrap(),
        }
        seed = seed.or(Some(node));
        handles.push(handle);
    }
    for handle in &handles {
        up(handle, 3).await;
    }
    handles.pop().unwrap().leave().await;
    for handle in &handles {
        up(handle, 2).await;
    }
}
