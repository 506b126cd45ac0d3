//! Keeps this node's view of the membership complete: after joining, and from time to time later, it takes
//! over the state of another member. Gossip alone is slow to tell a new node about hundreds of members.

use std::{net::SocketAddr, time::Duration};

use hyper::StatusCode;
use rand::{Rng, RngExt, seq::IteratorRandom};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    http::{self, Ask},
    management::STATE_PATH,
    membership::{Handle, Members, MergeError, Status},
    net::Network,
};
use discovery::Chain;

/// The shortest pause between two synchronisations, and the largest random addition.
/// A state of 1,000 members is about 100 kB, so this is at most 5 kB/s, on a network that carries thousands.
const PAUSE: Duration = Duration::from_secs(10);
const JITTER: Duration = Duration::from_secs(20);

/// How long a member may take to send its state.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a state was not taken over. Another member is asked next time.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("ask for a member's state")]
    Http(#[source] http::Error),
    #[error("the member answered with status {0}")]
    Status(StatusCode),
    #[error("take over a member's state")]
    Merge(#[source] MergeError),
}

/// Synchronises until stopped.
pub(super) async fn keep(
    membership: Handle,
    network: impl Network,
    mut rng: impl Rng + Send,
    stop: CancellationToken,
) {
    let mut members = membership.members();
    let mut times = 0;
    loop {
        // A new member asks as soon as it knows another one.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            ended = async { members.wait_for(|members| is_up(members)).await.is_err() } => if ended {
                // The membership has ended, and with it the node.
                stop.cancelled().await;
                return;
            },
        }
        let other = another(&members.borrow(), &mut rng);
        if let Some(other) = other {
            let pulled = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                pulled = pull(&membership, &network, other) => pulled,
            };
            match pulled {
                Ok(()) => tracing::debug!(from = %other, "took over a member's state"),
                Err(error) => {
                    tracing::debug!(from = %other, error = %Chain(&error), "synchronisation failed");
                }
            }
        }
        let pause = early(times).min(PAUSE + JITTER.mul_f64(rng.random::<f64>()));
        times += 1;
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Short at first: the member that a new node asks may be new itself and not know everyone either.
fn early(times: u32) -> Duration {
    Duration::from_secs(1 << times.min(10))
}

fn is_up(members: &Members) -> bool {
    members.me.status == Status::Up && 1 < members.members.len()
}

/// The management address of a random member other than this node.
fn another(members: &Members, rng: &mut impl Rng) -> Option<SocketAddr> {
    members
        .up()
        .filter(|member| member.reachable && member.gossip != members.me.gossip)
        .map(|member| member.management)
        .choose(rng)
}

async fn pull(membership: &Handle, network: &impl Network, from: SocketAddr) -> Result<(), Failed> {
    let (status, state) = http::ask(network, from, Ask::get(STATE_PATH), PATIENCE)
        .await
        .map_err(Failed::Http)?;
    if status != StatusCode::OK {
        return Err(Failed::Status(status));
    }
    membership
        .merge(state.to_vec())
        .await
        .map_err(Failed::Merge)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io, sync::Arc};

    use rand::{SeedableRng as _, rngs::SmallRng};
    use tokio::{
        net::UdpSocket,
        sync::Notify,
        task::JoinSet,
        time::{Instant, timeout},
    };

    use super::*;
    use crate::{
        clock,
        cluster::{ClusterId, Formation, NodeUid},
        membership::{self, Environment, Local, Timing},
        seal::Keyring,
    };

    /// Nobody is reached, and nobody refuses.
    #[derive(Debug, Clone, Default)]
    struct Silent {
        asked: Arc<Notify>,
    }

    impl Network for Silent {
        type Stream = tokio::io::DuplexStream;

        async fn connect(&self, _: SocketAddr) -> io::Result<Self::Stream> {
            self.asked.notify_one();
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_node_that_is_asked_to_stop_waits_for_nobodys_state() {
        let mut tasks = JoinSet::new();
        let formation = Formation {
            id: ClusterId(1),
            founded_at: 0,
        };
        let mut handles: Vec<Handle> = Vec::new();
        let mut seed = None;
        for uid in 1..=2 {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let node = socket.local_addr().unwrap();
            let settings = Local {
                cluster: "orders".parse().unwrap(),
                gossip: node,
                management: node,
                uid: NodeUid(uid),
                started_at: clock::unix_millis(),
                roles: BTreeSet::new(),
                version: String::new(),
                zone: None,
                keyring: Keyring::unsealed(),
                timing: Timing::lan(),
            };
            let (handle, driver) =
                membership::new(settings, socket, Environment::system()).unwrap();
            tasks.spawn(async move {
                driver.run(CancellationToken::new()).await.unwrap();
            });
            match seed {
                None => handle.found(formation).await.unwrap(),
                Some(seed) => handle.join(formation, vec![seed]).await.unwrap(),
            }
            seed = Some(node);
            handles.push(handle);
        }
        let (network, stop) = (Silent::default(), CancellationToken::new());
        let keeping = keep(
            handles[0].clone(),
            network.clone(),
            SmallRng::seed_from_u64(1),
            stop.clone(),
        );
        let stopping = async {
            network.asked.notified().await;
            stop.cancel();
            Instant::now()
        };
        let both = async { tokio::join!(keeping, stopping) };
        let ((), asked_to_stop) = timeout(10 * PATIENCE, both).await.unwrap();
        assert!(asked_to_stop.elapsed() < PATIENCE / 2);
    }
}
