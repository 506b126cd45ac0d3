//! Makes one cluster of the tasks of an ECS service, with [chitchat](https://docs.rs/chitchat) for its membership.
//!
//! ```sh
//! CLUSTER_KEY=… cargo run --package bootstrap --example chitchat -- my-service my-cluster
//! ```
//! The bootstrap says who starts the cluster and who joins it, so that there is one; who is in it, chitchat says.
//! The key seals what the bootstrap sends. Chitchat seals nothing.

use std::{collections::BTreeMap, error::Error, time::Duration};

use axum::{Router, body::Bytes, extract::State, response::Response};
use bootstrap::{
    Bootstrap, CancellationToken, ContactPoint, Handle, Method, Order, Process, Settings, Standing,
    Uri,
    cluster::{Formation, NodeUid},
    discovery::{Discovery, config, container_address},
    seal::Keyring,
};
use chitchat::{
    ChitchatConfig, ChitchatHandle, ChitchatId, NodeState, ProtocolVersion, spawn_chitchat,
    transport::UdpTransport,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// Where each node answers over HTTP, and where it gossips.
const HTTP: u16 = 7626;
const GOSSIP: u16 = 7355;

/// The cluster that this node is in, or tries to get into.
struct Membership {
    formation: Formation,
    /// Whether this node may be alone in it.
    started: bool,
    chitchat: ChitchatHandle,
    live: watch::Receiver<BTreeMap<ChitchatId, NodeState>>,
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "no module here reads settings")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("which service?")?;
    let cluster = arguments.next().ok_or("which ECS cluster?")?;
    let key = std::env::var("CLUSTER_KEY").map_err(|error| format!("CLUSTER_KEY: {error}"))?;

    let surroundings = config::Surroundings::from_env();
    let own = container_address(&surroundings, config::AddressFamily::Auto).await?;
    let me = Process::new((own.address, HTTP).into(), (own.address, GOSSIP).into());
    let discovery = Discovery::new(config::Settings::Ecs(config::Ecs::in_cluster(cluster))).await?;

    let settings = Settings::new(name.parse()?, me);
    let keyring = Keyring::from_secrets(&[key])?;
    let (bootstrap, mut service) = Bootstrap::new(settings, discovery, keyring);

    let listener = TcpListener::bind(me.contact_point.0).await?;
    let router = Router::new().fallback(answer).with_state(service.handle);
    let mut tasks = JoinSet::new();
    tasks.spawn(async { axum::serve(listener, router).await });
    tasks.spawn(async {
        bootstrap.run(CancellationToken::new()).await;
        Ok(())
    });

    let mut membership: Option<Membership> = None;
    loop {
        tokio::select! {
            Some(order) = service.orders.recv() => follow(order, me, &mut membership).await?,
            // There are others than before.
            Some(()) = async { membership.as_mut()?.live.changed().await.ok() } => {}
            Some(ended) = tasks.join_next() => return Ok(ended??),
        }
        if let Some(membership) = &membership {
            service.standing.send_replace(membership.standing(me).await);
        }
    }
}

/// Whatever others, and people, ask of the bootstrap.
async fn answer(State(handle): State<Handle>, method: Method, uri: Uri, body: Bytes) -> Response {
    handle.answer(&method, &uri, &body).await.map(Into::into)
}

/// Has chitchat do what the bootstrap says.
async fn follow(
    order: Order,
    me: Process,
    membership: &mut Option<Membership>,
) -> Result<(), Box<dyn Error>> {
    let (formation, started, seeds) = match order {
        Order::Start(formation) => (formation, true, Default::default()),
        Order::Join(cluster) => (cluster.formation, false, cluster.seeds),
    };
    // Both would need the same port: it leaves a younger cluster first.
    if let Some(here) = membership.take_if(|here| here.formation != formation) {
        here.chitchat.shutdown().await?;
    }
    if let Some(here) = membership {
        here.started |= started;
        let mut seeds = seeds.into_iter();
        return Ok(seeds.try_for_each(|seed| here.chitchat.gossip(seed))?);
    }
    let config = ChitchatConfig {
        // A process that restarts has another id, so that each is of the first generation.
        chitchat_id: ChitchatId::new(me.uid.to_string(), 0, me.gossip),
        cluster_id: formation.id.to_string(),
        gossip_interval: Duration::from_millis(200),
        listen_addr: me.gossip,
        seed_nodes: seeds.iter().map(ToString::to_string).collect(),
        failure_detector_config: Default::default(),
        marked_for_deletion_grace_period: Duration::from_secs(3600),
        catchup_callback: None,
        extra_liveness_predicate: None,
        protocol_version: ProtocolVersion::V1,
    };
    let chitchat = spawn_chitchat(config, Vec::new(), &UdpTransport).await?;
    *membership = Some(Membership {
        formation,
        started,
        live: chitchat.with_chitchat(|it| it.live_nodes_watcher()).await,
        chitchat,
    });
    Ok(())
}

impl Membership {
    /// A member is who has started the cluster, or hears others in it.
    #[expect(clippy::print_stdout, reason = "for people")]
    async fn standing(&self, me: Process) -> Standing {
        let chitchat = self.chitchat.chitchat().lock_owned().await;
        let live: Vec<_> = chitchat.live_nodes().filter_map(process).collect();
        if !self.started && live.len() == 1 {
            return Standing::Outside;
        }
        println!("{}: {} members", self.formation.id, live.len());
        let missing = 0 < chitchat.dead_nodes().count();
        Standing::member(self.formation, me, live, missing)
    }
}

/// Every node has the same ports, and its id for chitchat is its process's.
fn process(id: &ChitchatId) -> Option<Process> {
    let gossip = id.gossip_advertise_addr;
    Some(Process {
        uid: NodeUid(id.node_id.parse().ok()?),
        contact_point: ContactPoint((gossip.ip(), HTTP).into()),
        gossip,
    })
}
