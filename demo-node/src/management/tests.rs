//! Every path, asked of a router whose stages are real: the membership gossips over the loopback,
//! the bootstrap looks up and probes.

use std::{collections::BTreeSet, net::SocketAddr};

use axum::{
    body::Body,
    http::{Method, header},
};
use discovery::{
    Discovery,
    config::{Addresses, Fixed, Settings},
};
use http_body_util::BodyExt as _;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::{
    bootstrap::{
        self, Bootstrap, ContactPoint, Order, Process, Standing,
        expected::Expectation,
        founding::{Ballot, Reply, Request as Message},
        wire::{FoundingRequest, Sealer},
    },
    clock,
    cluster::{ClusterId, Formation, NodeAddress, NodeUid},
    log::LinesLost,
    membership::{self, Driver, Environment, OnMinority, Status, Timing},
    net::Tcp,
    node::standing,
    seal::{Keyring, Nonce},
};

mod asking;
mod measured;
mod served;
mod shown;
mod streaming;
mod writing;

const SECRET: &str = "a secret that only the tests have";
const FORMATION: Formation = Formation {
    id: ClusterId(0x2a),
    founded_at: 7,
};

/// A node without a listener: its router is asked directly.
struct Rig {
    sources: Sources,
    me: Process,
    /// Has the cluster's key.
    sealer: Sealer,
    orders: mpsc::Receiver<Order>,
    standing: watch::Receiver<Standing>,
    tasks: JoinSet<()>,
    /// Where the node is asked, unless it is served: nobody answers there.
    contact_point: Option<TcpListener>,
}

/// What a rig needs turned for it to live.
struct Stages {
    bootstrap: Bootstrap<Tcp, StdRng>,
    driver: Driver<UdpSocket>,
}

struct Answer {
    status: StatusCode,
    body: Value,
}

impl Rig {
    /// A node that is in no cluster yet.
    async fn start() -> Self {
        Self::turn(Self::prepare().await)
    }

    /// A node in no cluster, to which discovery names these contact points.
    async fn looking_for(contact_points: &[SocketAddr]) -> Self {
        Self::turn(Self::prepare_for(Some(contact_points)).await)
    }

    fn turn((mut rig, Stages { bootstrap, driver }): (Self, Stages)) -> Self {
        rig.tasks.spawn(bootstrap.run(CancellationToken::new()));
        rig.tasks.spawn(async move {
            driver.run(CancellationToken::new()).await.unwrap();
        });
        rig
    }

    /// A member of a cluster of its own.
    async fn member() -> Self {
        Self::member_of(FORMATION).await
    }

    async fn member_of(formation: Formation) -> Self {
        let rig = Self::start().await;
        rig.sources.membership.found(formation).await.unwrap();
        rig.becomes(Status::Up).await;
        rig
    }

    /// Answers at its contact point from now on.
    fn serve(&mut self) {
        let listener = self.contact_point.take().expect("served once");
        let router = router(self.sources.clone());
        let stop = CancellationToken::new();
        self.tasks
            .spawn(serve(listener, router, Limits::default(), stop));
    }

    /// Members of one cluster; the first one founded it.
    async fn members(size: usize) -> Vec<Self> {
        let mut rigs = vec![Self::member().await];
        while rigs.len() < size {
            let rig = Self::start().await;
            let seeds = vec![rigs[0].socket()];
            rig.sources.membership.join(FORMATION, seeds).await.unwrap();
            rigs.push(rig);
        }
        for rig in &rigs {
            let mut members = rig.sources.membership.members();
            let all_up = members.wait_for(|members| members.up().count() == size);
            all_up.await.unwrap();
            rig.stands_as_it_sees_itself().await;
        }
        rigs
    }

    /// A node whose stages stand still.
    async fn prepare() -> (Self, Stages) {
        Self::prepare_for(None).await
    }

    /// Discovery names these contact points; otherwise, the node's own.
    async fn prepare_for(contact_points: Option<&[SocketAddr]>) -> (Self, Stages) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let contact_point = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gossip = socket.local_addr().unwrap();
        let me = Process {
            uid: NodeUid(u64::from(gossip.port())),
            contact_point: ContactPoint(contact_point.local_addr().unwrap()),
            gossip,
        };
        let node = NodeAddress {
            cluster: "orders".parse().unwrap(),
            socket: gossip,
        };
        let keyring = Keyring::from_secrets(&[SECRET]).unwrap();
        let roles = BTreeSet::from(["api".to_owned()]);
        let (membership, driver) = membership::new(
            membership::Local {
                cluster: node.cluster.clone(),
                gossip,
                management: me.contact_point.0,
                uid: me.uid,
                started_at: clock::unix_millis(),
                roles: roles.clone(),
                version: "0.1.0".to_owned(),
                zone: Some("eu-west-1a".to_owned()),
                keyring: keyring.clone(),
                timing: Timing::lan(),
            },
            socket,
            Environment::system(),
        )
        .unwrap();
        let (bootstrap, service) = Bootstrap::on(
            bootstrap::Machine {
                rng: StdRng::seed_from_u64(me.uid.0),
                ..bootstrap::Machine::real()
            },
            bootstrap_settings(me),
            discovery(contact_points.unwrap_or(&[me.contact_point.0])).await,
            keyring.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(standing::follow(
            membership.members(),
            service.standing.clone(),
            CancellationToken::new(),
        ));
        let rig = Self {
            sources: Sources {
                node,
                roles,
                bootstrap: service.handle,
                membership,
                streams: Limits::default().streams,
                on_minority: OnMinority::Unready,
                page: true,
                read_only: false,
                host_names: BTreeSet::from(["node.internal".to_owned()]),
                unix_millis: clock::unix_millis,
                lines_lost: LinesLost::default(),
            },
            me,
            sealer: sealer(keyring),
            orders: service.orders,
            standing: service.standing.subscribe(),
            tasks,
            contact_point: Some(contact_point),
        };
        (rig, Stages { bootstrap, driver })
    }

    fn socket(&self) -> SocketAddr {
        self.sources.node.socket
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "").await
    }

    /// Sends a form.
    async fn ask(&self, method: Method, path: &str, form: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        self.send(request.unwrap()).await
    }

    async fn send(&self, request: Request) -> Answer {
        let response = self.respond(request).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        Answer { status, body }
    }

    async fn respond(&self, request: Request) -> Response {
        router(self.sources.clone()).oneshot(request).await.unwrap()
    }

    /// Waits until the membership sees this node so.
    async fn becomes(&self, status: Status) {
        let mut members = self.sources.membership.members();
        let reached = members.wait_for(|members| members.me.status == status);
        reached.await.unwrap();
        self.stands_as_it_sees_itself().await;
    }

    /// Waits until the bootstrap has been told of the members that there are now.
    async fn stands_as_it_sees_itself(&self) {
        let Some(now) = standing::of(&self.sources.members()) else {
            return;
        };
        let mut told = self.standing.clone();
        told.wait_for(|standing| *standing == now).await.unwrap();
    }
}

impl Answer {
    /// It is this refusal, and says why in JSON.
    #[track_caller]
    fn refuses(&self, status: u16, why: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let error = self.body["error"].as_str().expect("a reason in JSON");
        assert!(error.contains(why), "{error}");
    }

    #[track_caller]
    fn grants(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        &self.body
    }
}

fn sealer(keyring: Keyring) -> Sealer {
    Sealer {
        keyring,
        cluster: "orders".parse().unwrap(),
        fresh: || (clock::unix_millis(), Nonce::random()),
    }
}

async fn discovery(targets: &[SocketAddr]) -> Discovery {
    let targets = targets
        .iter()
        .map(|target| (target.ip(), Some(target.port())));
    let targets = Addresses::new(targets).unwrap();
    Discovery::new(Settings::Config(Fixed::new(targets)))
        .await
        .unwrap()
}

/// Those of a node that never founds, so that a test does.
fn bootstrap_settings(me: Process) -> bootstrap::Settings {
    let mut settings = bootstrap::Settings::new("orders".parse().unwrap(), me);
    settings.coordinator.rules.new_cluster_enabled = false;
    settings.coordinator.expectation = Expectation::Known(1);
    // All nodes here have the same address.
    settings.selection.filter_on_fallback_port = false;
    settings
}

async fn looked_up(rig: &Rig) {
    let mut status = rig.sources.bootstrap.status();
    let seen = status.wait_for(|status| status.last_lookup.is_some());
    seen.await.unwrap();
}

fn request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The names of an object's members, in alphabetical order.
#[track_caller]
fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
