//! Asks on a management port, as a node probes a contact point.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use discovery::{Chain, excerpt};
use hyper::StatusCode;

use crate::{
    bootstrap::{
        ContactPoint,
        wire::{self, NotOpened, Rejected, Sealer, SeedNodes},
    },
    doctor::facts::{Management, Proven, Stranger},
    http::{self, Ask},
    net::{Network, Tcp},
};

/// Twice as long as a node waits, so that a slow answer does not look like a closed port.
const LIMIT: Duration = Duration::from_secs(2);

/// How much is shown of an error with text from others.
const LONGEST: usize = 200;

/// The answer, and the gossip port of a node there.
pub(super) async fn ask(at: SocketAddr, sealer: &Sealer) -> (Management, Option<u16>) {
    let network = Watched::default();
    let probe = sealer.probe(ContactPoint(at));
    let ask = Ask::get(probe.path()).expecting_at_most(wire::LARGEST_ANSWER);
    let answer = http::ask(&network, at, ask, LIMIT).await;
    let (status, body) = match answer {
        Ok(answer) => answer,
        Err(error) => return (unanswered(&error, network.is_connected()), None),
    };
    if status != StatusCode::OK {
        return (no_node(format!("HTTP status {status}")), None);
    }
    match probe.read(&body, sealer) {
        Ok(answer) => {
            let proven = Proven {
                uid: answer.uid,
                contact_point: answer.contact_point,
                cluster: answer.cluster.map(|cluster| cluster.formation),
                expected: answer.expected,
                skew: answer.skew,
            };
            (Management::Proven(proven), gossip_port(&body))
        }
        Err(rejected) => (Management::Rejected(stranger(&rejected)), None),
    }
}

/// The port is outside the seal, but messages to it are sealed.
fn gossip_port(body: &[u8]) -> Option<u16> {
    let said: SeedNodes = serde_json::from_slice(body).ok()?;
    Some(said.self_node.socket.port())
}

fn unanswered(error: &http::Error, connected: bool) -> Management {
    match error {
        http::Error::TimedOut { .. } => Management::Silent { connected },
        http::Error::Connect(_, source) => match source.kind() {
            io::ErrorKind::ConnectionRefused => Management::Refused,
            io::ErrorKind::TimedOut => Management::Silent { connected: false },
            _ => Management::Failed(excerpt(&source.to_string(), LONGEST)),
        },
        http::Error::Exchange(..) | http::Error::Body(..) | http::Error::TooLarge { .. } => {
            no_node(excerpt(&Chain(error).to_string(), LONGEST))
        }
    }
}

fn no_node(what: String) -> Management {
    Management::Rejected(Stranger::NoNode(what))
}

fn stranger(rejected: &Rejected) -> Stranger {
    match rejected {
        Rejected::OtherName { theirs, .. } => Stranger::OtherName(excerpt(theirs, LONGEST)),
        Rejected::NoProof { .. } => Stranger::NoProof,
        Rejected::Unproven {
            error: NotOpened::Sealed(_),
            ..
        } => Stranger::OtherKey,
        Rejected::NotSeedNodes(_) | Rejected::Unproven { .. } | Rejected::OtherQuestion => {
            Stranger::NoNode(excerpt(&Chain(rejected).to_string(), LONGEST))
        }
    }
}

/// The operating system's TCP, which also notes whether there was a connection.
#[derive(Debug, Clone, Default)]
struct Watched(Arc<AtomicBool>);

impl Watched {
    fn is_connected(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Network for Watched {
    type Stream = <Tcp as Network>::Stream;

    async fn connect(&self, to: SocketAddr) -> io::Result<Self::Stream> {
        let stream = Tcp.connect(to).await?;
        self.0.store(true, Ordering::Relaxed);
        Ok(stream)
    }
}
