//! `demo-node run`

use std::{io, net::SocketAddr, time::Duration};

use discovery::{
    AddressSource, Discovery, OwnAddress, Remedy,
    config::{AddressFamily, Settings, Surroundings},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{Exit, Failure, signals::Signals};
use crate::{
    bootstrap::pacing::Backoff,
    clock,
    config::{Config, Keys, Values},
    error::Chain,
    log::LinesLost,
    membership::Environment,
    net::Tcp,
    node::{End, Machine, Node, Place},
    seal::{Keyring, Nonce},
};

/// A port that the node could not have.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address} for {what}; set {setting} to another port, or end what uses it")]
struct Listen {
    address: SocketAddr,
    what: &'static str,
    setting: &'static str,
    #[source]
    source: io::Error,
}

/// How long metadata may fail before the node ends, for its orchestrator to start another.
const METADATA_PATIENCE: Duration = Duration::from_secs(60);

/// The first pause between two questions to metadata.
const METADATA_PAUSE: Duration = Duration::from_millis(250);

/// Runs a node until it is asked to stop.
pub(super) async fn run(
    values: &Values,
    mut signals: Signals,
    lines_lost: LinesLost,
) -> Result<Exit, Failure> {
    let config = Config::read(values).map_err(|error| Failure::usage(&error))?;
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
                message: "other members told this node to go".to_owned(),
            });
        }
        End::GraceExpired => {
            return Err(Failure {
                exit: Exit::Failed,
                message: "leaving took longer than node.grace-period; members find out by \
                          themselves"
                    .to_owned(),
            });
        }
    }
    Ok(Exit::Complete)
}

/// Everything that can take long before there is a node: AWS's settings, the own address, ports.
async fn start(config: &Config, lines_lost: LinesLost) -> Result<Node, Failure> {
    let keyring = keyring(config)?;
    let surroundings = Surroundings::from_env();
    let discovery = Discovery::in_surroundings(config.discovery.clone(), &surroundings)
        .await
        .map_err(|error| Failure::discovery(&error))?;
    let mut rng = StdRng::from_seed(seed()?);
    let place = place(config, &surroundings, &mut rng).await?;

    let bind = config.node.bind_address.unwrap_or(place.address);
    let management = SocketAddr::new(bind, config.management.bind_port);
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
    };
    let node =
        Node::start(config, discovery, keyring, machine).map_err(|error| Failure::usage(&error))?;
    tracing::info!(node = %node.address, "node started");
    Ok(node)
}

fn keyring(config: &Config) -> Result<Keyring, Failure> {
    match &config.membership.keys {
        Keys::Sealed(secrets) => {
            Keyring::from_secrets(secrets).map_err(|error| Failure::usage(&error))
        }
        Keys::Unsealed => {
            tracing::warn!(
                "running unsealed: anybody on the network can read, join and alter this cluster"
            );
            Ok(Keyring::unsealed())
        }
    }
}

async fn place(
    config: &Config,
    surroundings: &Surroundings,
    rng: &mut impl Rng,
) -> Result<Place, Failure> {
    if let Some(address) = config.node.address {
        return Ok(Place {
            address,
            zone: None,
        });
    }
    let family = match &config.discovery {
        Settings::Ecs(settings) => settings.address_family,
        Settings::EcsTaskSet(settings) => settings.address_family,
        Settings::Ec2TagBased(settings) => settings.address_family,
        Settings::Config(_) => AddressFamily::Ipv4,
    };
    let own = own_address(surroundings, family, rng).await?;
    let source = match &own.source {
        AddressSource::TaskMetadata => "task metadata".to_owned(),
        AddressSource::InstanceMetadata => "instance metadata".to_owned(),
        AddressSource::Interface(name) => format!("the interface {name}"),
    };
    tracing::info!(address = %own.address, source, "found this node's own address");
    Ok(Place {
        address: own.address,
        zone: own.availability_zone,
    })
}

/// Asks until there is an answer: where many tasks start at once, the metadata can be slow.
async fn own_address(
    surroundings: &Surroundings,
    family: AddressFamily,
    rng: &mut impl Rng,
) -> Result<OwnAddress, Failure> {
    let give_up_at = clock::now() + METADATA_PATIENCE;
    let mut backoff = Backoff::new(METADATA_PAUSE, METADATA_PAUSE * 16, 0.5);
    loop {
        let error = match discovery::container_address(surroundings, family).await {
            Ok(own) => return Ok(own),
            Err(error) => error,
        };
        if error.remedy() != Remedy::RetryLater || give_up_at <= clock::now() {
            return Err(Failure::discovery(&error));
        }
        tracing::warn!(error = %Chain(&error), "this node's own address is not known yet");
        tokio::time::sleep(backoff.failed(rng)).await;
    }
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
