//! The listener's loop, over connections in memory while time stands still: what is slow, large or
//! wrong costs one connection and nobody else anything.

use std::io;

use futures::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::Notify,
    time::{Instant, sleep},
};

use super::*;
use crate::net::Listener;

const SECOND: Duration = Duration::from_secs(1);
/// More than fits between the two ends of a connection.
const LARGE: usize = 512 * 1024;
const HALF_A_BODY: &str =
    "POST /alive HTTP/1.1\r\nhost: node\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf";
const KEPT_OPEN: &str = "GET /alive HTTP/1.1\r\nhost: node\r\n\r\n";
const KEPT_OPEN_WITH_A_BODY: &str =
    "POST /alive HTTP/1.1\r\nhost: node\r\ncontent-length: 4\r\n\r\nbody";
const ALIVE: &str = "GET /alive HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_header_that_does_not_come_is_waited_for_five_seconds() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    let mut silent = server.connect();
    let mut half = server.connect();
    half.write_all(b"GET /alive HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    for stream in [&mut silent, &mut half] {
        assert!(!read(stream).await.contains(" 200 "));
    }
    let took = began.elapsed();
    assert!((5 * SECOND..6 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_comes_byte_by_byte_gets_no_more_time() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    let mut stream = server.connect();
    for byte in ALIVE.as_bytes() {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(SECOND).await;
    }
    assert!(!read(&mut stream).await.contains(" 200 "));
    let took = began.elapsed();
    assert!(took < 8 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_longer_than_load_balancers_do() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(KEPT_OPEN.as_bytes()).await.unwrap();
        assert_eq!(read_one(&mut stream).await, "HTTP/1.1 200 OK");
        sleep(75 * SECOND).await;
    }
    assert_eq!(read(&mut stream).await, "");
    let took = began.elapsed();
    let idle = 2 * 75 * SECOND + 90 * SECOND;
    assert!((idle..idle + SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_has_begun_gets_no_more_time_for_the_connection_being_kept() {
    let server = Server::start(Limits::default());
    for (request, answer) in [
        (KEPT_OPEN, "HTTP/1.1 200 OK"),
        (KEPT_OPEN_WITH_A_BODY, "HTTP/1.1 405 Method Not Allowed"),
    ] {
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(read_one(&mut stream).await, answer);
        sleep(75 * SECOND).await;
        let began = Instant::now();
        for byte in ALIVE.as_bytes() {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(SECOND).await;
        }
        assert!(!read(&mut stream).await.contains(" 200 "));
        let took = began.elapsed();
        assert!((5 * SECOND..8 * SECOND).contains(&took), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_names_one_host() {
    let server = Server::start(Limits::default());
    let get = |version: &str, hosts: &str| format!("GET /alive HTTP/{version}\r\n{hosts}\r\n");
    for hosts in [
        "",
        "host: node\r\nhost: node\r\n",
        "host: node\r\nx-other: 1\r\nHost: other\r\n",
        "host:\r\n",
        "host: a b\r\n",
        "host: somebody@node\r\n",
        "host: http://node/\r\n",
    ] {
        // The connection ends, though the request would have it kept.
        let answer = server.answer(&get("1.1", hosts)).await;
        assert_eq!(answer, "HTTP/1.1 400 Bad Request", "{hosts:?}");
    }
    for (version, hosts) in [
        ("1.0", ""),
        ("1.0", "host: node\r\n"),
        ("1.1", "host: 10.0.0.1:7626\r\nconnection: close\r\n"),
        ("1.1", "host: [fd00::1]:7626\r\nconnection: close\r\n"),
        ("1.1", "host: node.internal\r\nconnection: close\r\n"),
    ] {
        let answer = server.answer(&get(version, hosts)).await;
        assert!(answer.ends_with(" 200 OK"), "{hosts:?}: {answer}");
    }
    let twice = get("1.0", "host: node\r\nhost: node\r\n");
    let answer = server.answer(&twice).await;
    assert!(answer.ends_with(" 400 Bad Request"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_too_large_is_refused() {
    let server = Server::start(Limits::default());
    let large = format!(
        "GET /alive HTTP/1.1\r\nhost: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    assert_eq!(
        server.answer(&large).await,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
    assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http_is_refused() {
    let server = Server::start(Limits::default());
    for wrong in [
        "GET\r\n\r\n",
        "GET /alive HTTP/9\r\n\r\n",
        "GET /alive HTTP/1.1\r\nno colon\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}a TLS client\r\n\r\n",
        "POST /alive HTTP/1.1\r\nhost: node\r\ncontent-length: many\r\n\r\n",
    ] {
        assert_eq!(
            server.answer(wrong).await,
            "HTTP/1.1 400 Bad Request",
            "{wrong:?}"
        );
    }
    assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn slow_connections_delay_nobody() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = server.connect();
        stream.write_all(b"GET /al").await.unwrap();
        slow.push(stream);
        assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
    }
    assert!(began.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn connections_that_do_not_ask_make_room_for_those_that_do() {
    let server = Server::start(Limits {
        connections: 8,
        ..Limits::default()
    });
    let began = Instant::now();
    let mut left_open = Vec::new();
    for round in 0..100 {
        for asked_so_far in ["", "GET /alive HT", HALF_A_BODY, KEPT_OPEN] {
            let mut stream = server.connect();
            stream.write_all(asked_so_far.as_bytes()).await.unwrap();
            left_open.push(stream);
        }
        assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK", "{round}");
    }
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    // The oldest went, and none of the eight that came last but for that which asked.
    let ended = read(&mut left_open[0]);
    ended.now_or_never().expect("closed");
    let last = left_open.last_mut().unwrap();
    assert!(read(last).now_or_never().is_none(), "the newest was closed");
}

#[tokio::test(start_paused = true)]
async fn who_is_being_answered_does_not_make_room() {
    let server = Server::start(Limits {
        connections: 2,
        ..Limits::default()
    });
    let gate = ALIVE.replace("/alive", "/gate");
    let mut waiting = [server.connect(), server.connect()];
    for stream in &mut waiting {
        stream.write_all(gate.as_bytes()).await.unwrap();
        server.asked.notified().await;
    }
    let mut one_more = std::pin::pin!(server.answer(ALIVE));
    let early = tokio::time::timeout(SECOND, one_more.as_mut()).await;
    assert!(early.is_err(), "{early:?}");
    server.gate.notify_one();
    assert_eq!(one_more.await, "HTTP/1.1 200 OK");
    server.gate.notify_one();
    for stream in &mut waiting {
        assert!(read(stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_waited_for_two_seconds() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    assert_eq!(
        server.answer(HALF_A_BODY).await,
        "HTTP/1.1 408 Request Timeout"
    );
    let took = began.elapsed();
    assert!((2 * SECOND..3 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_accepted_is_not_the_end() {
    let server = Server::start(Limits::default());
    let broken = io::Error::other("no more file descriptors");
    server.door.send(Err(broken)).unwrap();
    assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn when_descriptors_run_out_the_oldest_idle_connection_gives_way_at_once() {
    let server = Server::start(Limits::default());
    let mut old = server.connect();
    old.write_all(KEPT_OPEN.as_bytes()).await.unwrap();
    assert_eq!(read_one(&mut old).await, "HTTP/1.1 200 OK");
    let mut young = server.connect();
    young.write_all(KEPT_OPEN.as_bytes()).await.unwrap();
    assert_eq!(read_one(&mut young).await, "HTTP/1.1 200 OK");

    let began = Instant::now();
    let used_up = io::Error::from(rustix::io::Errno::MFILE);
    server.door.send(Err(used_up)).unwrap();
    assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(read(&mut old).now_or_never().expect("closed"), "");
    assert!(read(&mut young).now_or_never().is_none(), "both gave way");
    // Who disappears before it is accepted takes nobody's place.
    let aborted = io::Error::from(rustix::io::Errno::CONNABORTED);
    server.door.send(Err(aborted)).unwrap();
    assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
    assert!(read(&mut young).now_or_never().is_none(), "it gave way");
}

#[tokio::test(start_paused = true)]
async fn failures_to_accept_do_not_keep_the_node_busy() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    for _ in 0..100 {
        let used_up = io::Error::from(rustix::io::Errno::MFILE);
        server.door.send(Err(used_up)).unwrap();
    }
    assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
    let took = began.elapsed();
    assert!((5 * SECOND..15 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let server = Server::start(Limits::default());
    let began = Instant::now();
    let mut deaf = server.connect();
    let request = ALIVE.replace("/alive", "/large");
    deaf.write_all(request.as_bytes()).await.unwrap();
    // Nobody reads what it says from now on, until there is nobody.
    while deaf.write_all(b"?").await.is_ok() {
        sleep(SECOND / 10).await;
    }
    let took = began.elapsed();
    assert!((10 * SECOND..11 * SECOND).contains(&took), "{took:?}");
    assert!(read(&mut deaf).await.len() < LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let server = Server::start(Limits::default());
    let mut slow = server.connect();
    let request = ALIVE.replace("/alive", "/large");
    slow.write_all(request.as_bytes()).await.unwrap();
    let mut got = 0;
    let mut part = vec![0; LARGE / 8];
    loop {
        sleep(9 * SECOND).await;
        match slow.read(&mut part).await.unwrap() {
            0 => break,
            length => got += length,
        }
    }
    assert!(LARGE < got, "{got}");
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_is_answered_when_the_node_stops() {
    let mut server = Server::start(Limits::default());
    let mut idle = server.connect();
    let keep = ALIVE.replace("connection: close\r\n", "");
    idle.write_all(keep.as_bytes()).await.unwrap();
    let mut waiting = server.connect();
    let request = ALIVE.replace("/alive", "/gate");
    waiting.write_all(request.as_bytes()).await.unwrap();
    server.asked.notified().await;

    let began = Instant::now();
    server.stop.cancel();
    // The one that waits for nothing ends at once, the other with its answer.
    assert!(read(&mut idle).await.starts_with("HTTP/1.1 200 "));
    assert!(began.elapsed() < SECOND / 10);
    server.gate.notify_one();
    assert!(read(&mut waiting).await.starts_with("HTTP/1.1 200 "));
    server.ended().await;
    assert!(began.elapsed() < SECOND / 10);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_end_is_cut_after_a_second() {
    let mut server = Server::start(Limits::default());
    let mut waiting = server.connect();
    let request = ALIVE.replace("/alive", "/gate");
    waiting.write_all(request.as_bytes()).await.unwrap();
    server.asked.notified().await;

    let began = Instant::now();
    server.stop.cancel();
    server.ended().await;
    let took = began.elapsed();
    assert!((SECOND..2 * SECOND).contains(&took), "{took:?}");
    assert_eq!(read(&mut waiting).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_stream_does_not_make_room_until_it_ends() {
    let server = Server::start(Limits {
        connections: 2,
        ..Limits::default()
    });
    let stream = ALIVE.replace("/alive", "/stream");
    let mut listening = server.connect();
    listening.write_all(stream.as_bytes()).await.unwrap();
    server.asked.notified().await;
    for _ in 0..10 {
        let _left_open = server.connect();
        assert_eq!(server.answer(ALIVE).await, "HTTP/1.1 200 OK");
    }
    server.gate.notify_one();
    assert!(read(&mut listening).await.contains("open"));
}

/// The loop, serving `/alive`, `/large`, and `/gate` and `/stream` whose answer ends when it is opened.
struct Server {
    door: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    stop: CancellationToken,
    asked: Arc<Notify>,
    gate: Arc<Notify>,
    running: JoinSet<()>,
}

struct Door(mpsc::UnboundedReceiver<io::Result<DuplexStream>>);

impl Listener for Door {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        let from = SocketAddr::from(([10, 0, 0, 9], 40_000));
        match self.0.recv().await {
            Some(stream) => Ok((stream?, from)),
            None => std::future::pending().await,
        }
    }
}

impl Server {
    fn start(limits: Limits) -> Self {
        let (asked, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (knock, open) = (Arc::clone(&asked), Arc::clone(&gate));
        let (told, ends) = (Arc::clone(&asked), Arc::clone(&gate));
        let stream = async move || {
            told.notify_one();
            let end = async move {
                ends.notified().await;
                Ok::<_, io::Error>("open")
            };
            Body::from_stream(futures::stream::once(end))
        };
        let router = Router::new()
            .route("/alive", get(async || "here"))
            .route("/large", get(async || vec![b'x'; LARGE]))
            .route("/stream", get(stream))
            .route(
                "/gate",
                get(async move || {
                    knock.notify_one();
                    open.notified().await;
                    "open"
                }),
            )
            .layer(middleware::from_fn(bounded));
        let (door, connections) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(serve(Door(connections), router, limits, stop.clone()));
        Self {
            door,
            stop,
            asked,
            gate,
            running,
        }
    }

    fn connect(&self) -> DuplexStream {
        let (here, there) = duplex(64 * 1024);
        self.door.send(Ok(there)).unwrap();
        here
    }

    /// The status line of the answer.
    async fn answer(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read(&mut stream).await;
        answer.lines().next().unwrap_or_default().to_owned()
    }

    async fn ended(&mut self) {
        self.running.join_next().await.unwrap().unwrap();
    }
}

/// All that comes until the connection is closed.
async fn read(stream: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The status line of an answer after which the connection stays open; the rest is read as well.
async fn read_one(stream: &mut DuplexStream) -> String {
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = std::str::from_utf8(&answer[..length]).unwrap();
    assert!(answer.contains("\r\n\r\n"), "not whole: {answer}");
    answer.lines().next().unwrap_or_default().to_owned()
}
