//! Connects the stages and owns every task. No task outlives the node, and a task that ends early ends the
//! node.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use discovery::Discovery;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bootstrap::{self, Bootstrap, ContactPoint, Order, Process, Service, status::Status},
    cluster::{NodeAddress, NodeUid},
    config::Config,
    log::LinesLost,
    management::{self, Limits, Sources},
    membership::{self, Datagram, Departure, OnMinority},
    net::{Listener, Network},
};

mod report;
pub mod settings;
pub mod standing;
mod sync;

/// What a node needs from the machine, apart from its configuration.
#[derive(Debug)]
pub struct Machine<N, L, D> {
    /// Opens streams.
    pub network: N,
    /// Takes management requests.
    pub listener: L,
    /// Sends and receives gossip.
    pub socket: D,
    /// Where this node is.
    pub place: Place,
    /// Everything random but nonces.
    pub rng: StdRng,
    /// Time and nonces for sealing founding messages.
    pub fresh: fn() -> (u64, crate::seal::Nonce),
    /// The wall clock, and the chance of the membership.
    pub environment: membership::Environment,
    /// Counts the log lines that were dropped.
    pub lines_lost: LinesLost,
    /// What connections to management HTTP may use.
    pub limits: Limits,
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where peers reach it.
    pub address: IpAddr,
    /// Its availability zone, where known.
    pub zone: Option<String>,
}

/// How a node's life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop and has left its cluster.
    Left,
    /// It was asked to stop and did not finish leaving in time.
    GraceExpired,
    /// Other members removed it (down).
    Downed,
    /// It was on the smaller side of a split, and has left, as `membership.on-minority` says.
    Minority,
}

/// A stage ended unexpectedly.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The node's own description does not fit its datagrams.
    #[error("describe this node to its peers; use fewer or shorter membership.roles")]
    Description(#[source] membership::Invalid),
    /// Gossip broke.
    #[error("gossip")]
    Membership(#[source] membership::Broken),
    /// A stage ended without being asked to.
    #[error("the stage `{0}` ended unexpectedly")]
    EndedEarly(&'static str),
    /// A stage panicked; the log says where.
    #[error("a stage panicked")]
    Panicked(#[source] JoinError),
}

/// A node that is running.
#[derive(Debug)]
pub struct Node {
    /// Its address.
    pub address: NodeAddress,
    /// The membership.
    pub membership: membership::Handle,
    /// The bootstrap.
    pub bootstrap: bootstrap::Handle,
    grace_period: Duration,
    on_minority: OnMinority,
    stop: CancellationToken,
    stages: JoinSet<(&'static str, Result<Ended, Failed>)>,
}

enum Ended {
    Stage,
    Membership(Departure),
}

/// How long tasks may at least take to end, even if leaving has taken the whole grace period.
const LEAST_TO_END: Duration = Duration::from_secs(1);

// === impl Node ===

impl Node {
    /// Starts every stage. The management listener is served before anything is looked up.
    ///
    /// # Errors
    ///
    /// When the node cannot be described to its peers.
    pub fn start<N: Network, L: Listener, D: Datagram>(
        config: &Config,
        discovery: Discovery,
        machine: Machine<N, L, D>,
    ) -> Result<Self, Failed> {
        let Machine {
            network,
            listener,
            socket,
            place,
            mut rng,
            fresh,
            environment,
            lines_lost,
            limits,
        } = machine;
        let keyring = &config.membership.keyring;
        let unix_millis = environment.unix_millis;
        let uid = NodeUid::of_bits(rng.next_u64());
        let gossip = SocketAddr::new(place.address, config.membership.port);
        let contact_point = ContactPoint(SocketAddr::new(place.address, config.management.port));
        let cluster = config.bootstrap.service_name.clone();
        let address = NodeAddress {
            cluster: cluster.clone(),
            socket: gossip,
        };

        let (membership, driver) = membership::new(
            membership::Local {
                cluster,
                gossip,
                management: contact_point.0,
                uid,
                started_at: unix_millis(),
                roles: config.membership.roles.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                zone: place.zone,
                keyring: keyring.clone(),
                timing: membership::Timing::lan(),
            },
            socket,
            environment,
        )
        .map_err(Failed::Description)?;

        let me = Process {
            uid,
            contact_point,
            gossip,
        };
        let (bootstrap_loop, service) = Bootstrap::on(
            bootstrap::Machine {
                network: network.clone(),
                rng: StdRng::from_rng(&mut rng),
                unix_millis,
                fresh,
            },
            config.bootstrap.of(me, config.membership.minority_after),
            discovery,
            keyring.clone(),
        );
        let Service {
            handle: bootstrap,
            orders,
            standing,
        } = service;
        let router = management::router(Sources {
            node: address.clone(),
            roles: config.membership.roles.clone(),
            bootstrap: bootstrap.clone(),
            membership: membership.clone(),
            streams: limits.streams,
            page: config.management.page,
            read_only: config.management.read_only,
            on_minority: config.membership.on_minority,
            host_names: config.management.host_names.clone().unwrap_or_default(),
            unix_millis,
            lines_lost,
        });

        let stop = CancellationToken::new();
        let mut stages = JoinSet::new();
        let token = stop.clone();
        stages.spawn(async move {
            management::serve(listener, router, limits, token).await;
            ("management", Ok(Ended::Stage))
        });
        let token = stop.clone();
        stages.spawn(async move {
            let ended = driver.run(token).await;
            (
                "membership",
                ended.map(Ended::Membership).map_err(Failed::Membership),
            )
        });
        let members = membership.members();
        let token = stop.clone();
        stages.spawn(async move {
            standing::follow(members, standing, token).await;
            ("standing", Ok(Ended::Stage))
        });
        let (handle, token) = (membership.clone(), stop.clone());
        stages.spawn(async move {
            carry_out(handle, orders, token).await;
            ("orders", Ok(Ended::Stage))
        });
        let (handle, token) = (membership.clone(), stop.clone());
        let sync_rng = StdRng::from_rng(&mut rng);
        stages.spawn(async move {
            sync::keep(handle, network, sync_rng, token).await;
            ("synchronisation", Ok(Ended::Stage))
        });
        if let Some(every) = config.node.report_interval {
            let (handle, status, token) = (membership.clone(), bootstrap.status(), stop.clone());
            stages.spawn(async move {
                report::keep(every, handle, status, token).await;
                ("report", Ok(Ended::Stage))
            });
        }
        let token = stop.clone();
        stages.spawn(async move {
            bootstrap_loop.run(token).await;
            ("bootstrap", Ok(Ended::Stage))
        });
        Ok(Self {
            address,
            membership,
            bootstrap,
            grace_period: config.node.grace_period,
            on_minority: config.membership.on_minority,
            stop,
            stages,
        })
    }

    /// Runs until `asked` to stop, until other members remove this node, or, if `membership.on-minority` is `leave`,
    /// until it is on the smaller side of a split. Then leaves the cluster, lets running requests finish, and ends
    /// every task.
    ///
    /// # Errors
    ///
    /// When a stage fails, or ends by itself.
    pub async fn run(mut self, asked: CancellationToken) -> Result<End, Failed> {
        let mut leave_until = Instant::now();
        let end = tokio::select! {
            biased;
            Some(ended) = self.stages.join_next() => match ended {
                Ok((_, Ok(Ended::Membership(Departure::Left)))) => Ok(End::Left),
                Ok((_, Ok(Ended::Membership(Departure::Downed)))) => Ok(End::Downed),
                Ok((stage, Ok(Ended::Membership(Departure::Stopped) | Ended::Stage))) => {
                    Err(Failed::EndedEarly(stage))
                }
                Ok((_, Err(failed))) => Err(failed),
                Err(panicked) => Err(Failed::Panicked(panicked)),
            },
            () = to_leave(self.bootstrap.status(), self.on_minority) => {
                tracing::warn!("leaving the cluster: this node is on the smaller side of a split");
                leave_until = Instant::now() + self.grace_period;
                let _late = timeout_at(leave_until, self.membership.leave()).await;
                Ok(End::Minority)
            }
            () = asked.cancelled() => {
                tracing::info!(grace_period = ?self.grace_period, "leaving the cluster");
                leave_until = Instant::now() + self.grace_period;
                match timeout_at(leave_until, self.membership.leave()).await {
                    Ok(()) => Ok(End::Left),
                    Err(_elapsed) => Ok(End::GraceExpired),
                }
            }
        };
        self.stop.cancel();
        let ending = async { while self.stages.join_next().await.is_some() {} };
        let end_until = leave_until.max(Instant::now() + LEAST_TO_END);
        if timeout_at(end_until, ending).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        end
    }
}

/// Waits until this node is on the smaller side of a split, if it should leave then.
async fn to_leave(mut status: watch::Receiver<Arc<Status>>, on_minority: OnMinority) {
    if on_minority == OnMinority::Leave
        && status
            .wait_for(|status| status.minority().is_some())
            .await
            .is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Passes the bootstrap's orders to the membership.
async fn carry_out(
    membership: membership::Handle,
    mut orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
) {
    loop {
        let order = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(order) = orders.recv() => order,
        };
        let done = match order {
            Order::Start(formation) => membership.found(formation).await,
            // If this node is in a younger cluster of the same name, the bootstrap has decided
            // to merge the two.
            Order::Join(cluster) => {
                membership
                    .switch(cluster.formation, cluster.seeds.into_iter().collect())
                    .await
            }
        };
        if let Err(refused) = done {
            tracing::debug!(%refused, "the membership did not do what the bootstrap decided");
        }
    }
}
