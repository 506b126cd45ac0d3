//! `demo-node run`

use std::{io, net::SocketAddr};

use discovery::{Discovery, config::Surroundings};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    exit::{Exit, Failure},
    place::{self, Patience},
    signals::Signals,
};
use crate::{
    clock,
    config::{Config, discovery::name_session, values::Values},
    descriptors,
    log::LinesLost,
    management::Limits,
    membership::Environment,
    net::Tcp,
    node::{End, Machine, Node},
    seal::Nonce,
};

/// A port that the node cannot listen on.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address} for {what}; {}", remedy(source, *address, setting))]
struct Listen {
    address: SocketAddr,
    what: &'static str,
    setting: &'static str,
    #[source]
    source: io::Error,
}

fn remedy(source: &io::Error, address: SocketAddr, setting: &str) -> String {
    match source.kind() {
        io::ErrorKind::AddrNotAvailable => format!(
            "this machine does not have the address {}: set node.bind-address to an address that it has, \
             or to `{}` for all addresses",
            address.ip(),
            if address.is_ipv4() { "0.0.0.0" } else { "::" }
        ),
        io::ErrorKind::PermissionDenied => {
            format!("set {setting} to a port above 1023, or allow the process lower ports")
        }
        _ => format!("set {setting} to another port, or end the program that uses this one"),
    }
}

/// Runs a node until it is asked to stop.
pub(super) async fn run(
    values: Values,
    mut signals: Signals,
    lines_lost: LinesLost,
) -> Result<Exit, Failure> {
    let config = Config::read(&values).map_err(|error| Failure::usage(&error))?;
    // They contain the secrets as text.
    drop(values);
    let node = tokio::select! {
        biased;
        (signal, _) = signals.asked() => {
            tracing::info!("{signal}: stopping before the node has started");
            return Ok(Exit::Complete);
        }
        node = start(&config, lines_lost) => node?,
    };

    let asked = CancellationToken::new();
    let asking = asked.clone();
    // Watches for signals for as long as the node runs.
    let mut watching = JoinSet::new();
    watching.spawn(async move {
        let (signal, _) = signals.asked().await;
        tracing::info!("{signal}: stopping");
        asking.cancel();
    });
    let end = node
        .run(asked)
        .await
        .map_err(|error| Failure::failed(&error))?;
    match end {
        End::Left => tracing::info!("left the cluster"),
        End::Downed => {
            return Err(Failure {
                exit: Exit::Failed,
                message: "other members removed this node (down)".to_owned(),
            });
        }
        End::Minority => {
            return Err(Failure {
                exit: Exit::Failed,
                message: "left the cluster: this node was on the smaller side of a split \
                          (membership.on-minority = leave). Start it again: it joins when it reaches \
                          a member"
                    .to_owned(),
            });
        }
        End::GraceExpired => {
            return Err(Failure {
                exit: Exit::Failed,
                message:
                    "leaving took longer than node.grace-period; the other members will notice \
                          that this node is gone"
                        .to_owned(),
            });
        }
    }
    Ok(Exit::Complete)
}

/// Everything that can take long before the node runs: AWS settings, its own address, ports.
async fn start(config: &Config, lines_lost: LinesLost) -> Result<Node, Failure> {
    let descriptors = descriptors::raise();
    if !config.membership.keyring.is_sealed() {
        tracing::warn!(
            "running unsealed: anybody on the network can read, join and change this cluster"
        );
    }
    let surroundings = Surroundings::from_env();
    let mut rng = StdRng::from_seed(seed()?);
    let mut patience = Patience::new(&mut rng);
    let mut settings = config.discovery.clone();
    let mut discovery = patience
        .ask(async || Discovery::in_surroundings(settings.clone(), &surroundings).await)
        .await?;
    let family = settings.address_family();
    let place = patience
        .ask(async || place::find(&config.node, family, &surroundings).await)
        .await?;
    let cluster = config.bootstrap.service_name.as_str();
    if name_session(&mut settings, cluster, &place.address.to_string()) {
        // Now that the address is known.
        discovery = patience
            .ask(async || Discovery::in_surroundings(settings.clone(), &surroundings).await)
            .await?;
    }

    let bind = place::bind_address(&config.node, &place);
    let management = SocketAddr::new(bind, config.management.bind_port());
    let listener = TcpListener::bind(management).await.map_err(|source| {
        let (what, setting) = ("management HTTP", "management.port");
        Failure::usage(&Listen {
            address: management,
            what,
            setting,
            source,
        })
    })?;
    let gossip = SocketAddr::new(bind, config.membership.bind_port);
    let socket = UdpSocket::bind(gossip).await.map_err(|source| {
        let (what, setting) = ("gossip", "membership.port");
        Failure::usage(&Listen {
            address: gossip,
            what,
            setting,
            source,
        })
    })?;
    tracing::info!(%management, %gossip, "listening");

    let machine = Machine {
        network: Tcp,
        listener,
        socket,
        place,
        rng,
        fresh: || (clock::unix_millis(), Nonce::random()),
        environment: Environment::system(),
        lines_lost,
        limits: Limits::within(descriptors),
    };
    let node = Node::start(config, discovery, machine).map_err(|error| Failure::usage(&error))?;
    tracing::info!(node = %node.address, "node started");
    Ok(node)
}

fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    match getrandom::fill(&mut seed) {
        Ok(()) => Ok(seed),
        Err(error) => Err(Failure {
            exit: Exit::Failed,
            message: format!("ask the operating system for randomness: {error}"),
        }),
    }
}
