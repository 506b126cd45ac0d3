//! How the rest of the node talks to the membership.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};

use super::{members::Members, traffic::Traffic};
use crate::{cluster::Formation, seal::Unopened};

/// How many requests may wait. They come one at a time from bootstrap and from people at the management endpoint;
/// beyond that they should wait where they are.
pub(super) const WAITING: usize = 16;

/// Reads the membership and asks for changes to it.
#[derive(Debug, Clone)]
pub struct Handle {
    members: watch::Receiver<Arc<Members>>,
    commands: mpsc::Sender<Command>,
}

/// Why a request was not carried out. In that case nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The node is a member of another cluster.
    #[error("node is a member of cluster {} already", .0.id)]
    OtherCluster(Formation),
    /// The node is not a member of any cluster.
    #[error("node is not a member of a cluster")]
    NotMember,
    /// The node is leaving, has left, or was told to end.
    #[error("node is leaving its cluster")]
    Leaving,
    /// There is no such member.
    #[error("{0} is not a member")]
    Unknown(SocketAddr),
    /// The limit of invited nodes that have not answered yet is reached.
    #[error("{number} addresses are being tried already; each is dropped after {limit:?}")]
    TooMany {
        /// How many.
        number: usize,
        /// How long each is tried.
        limit: Duration,
    },
    /// The membership's task has ended.
    #[error("node has stopped")]
    Stopped,
}

/// Why another member's state was not taken over. In that case nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The node cannot take it over now.
    #[error("failed to take over another member's state")]
    Refused(#[source] Refused),
    /// It is not from a member of this cluster, or is old.
    #[error("failed to open another member's state")]
    Unopened(#[source] Unopened),
    /// It opened, but made no sense.
    #[error("another member's state is malformed")]
    Malformed,
}

/// What a [`Handle`] asks of the task.
#[derive(Debug)]
pub(super) enum Command {
    Found(Formation, Reply<Result<(), Refused>>),
    Join(Formation, Vec<SocketAddr>, Reply<Result<(), Refused>>),
    Invite(SocketAddr, Reply<Result<(), Refused>>),
    Switch(Formation, Vec<SocketAddr>, Reply<Result<(), Refused>>),
    State(Reply<Result<Vec<u8>, Refused>>),
    Merge(Vec<u8>, Reply<Result<(), MergeError>>),
    Leave(Reply<()>),
    LeaveMember(SocketAddr, Reply<Result<(), Refused>>),
    Down(SocketAddr, Reply<Result<(), Refused>>),
    Traffic(Reply<Traffic>),
}

pub(super) type Reply<T> = oneshot::Sender<T>;

impl Handle {
    pub(super) fn new(
        members: watch::Receiver<Arc<Members>>,
        commands: mpsc::Sender<Command>,
    ) -> Self {
        Self { members, commands }
    }

    /// The membership, now and at each change.
    #[must_use]
    pub fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members.clone()
    }

    /// Starts a cluster. The node is a member at once, alone until others join.
    ///
    /// A node that was told to join this cluster but was never let in may also start it; if another node did that,
    /// too, the two find each other.
    ///
    /// # Errors
    ///
    /// When the node is in another cluster, or is leaving.
    pub async fn found(&self, formation: Formation) -> Result<(), Refused> {
        self.ask(|reply| Command::Found(formation, reply)).await?
    }

    /// Becomes a member through any of these members, asking repeatedly until one answers. Returns before that: wait
    /// until this node's own status is up. A repeated call for the same cluster adds seeds; a call for another
    /// cluster, before the node was let in, replaces the first one.
    ///
    /// # Errors
    ///
    /// When the node is in another cluster, or is leaving.
    pub async fn join(&self, formation: Formation, seeds: Vec<SocketAddr>) -> Result<(), Refused> {
        self.ask(|reply| Command::Join(formation, seeds, reply))
            .await?
    }

    /// Invites a node that should be in this cluster, for people. Only a limited number is remembered at a time, each
    /// for some minutes.
    ///
    /// # Errors
    ///
    /// When this node is in no cluster and is not joining one, or too many were named before.
    pub async fn invite(&self, node: SocketAddr) -> Result<(), Refused> {
        self.ask(|reply| Command::Invite(node, reply)).await?
    }

    /// Joins this cluster. A member of another cluster stays there until a member of this one has answered by
    /// datagram with this cluster's seal; if none does within some seconds, it stays for good.
    ///
    /// # Errors
    ///
    /// When the node is leaving.
    pub async fn switch(
        &self,
        formation: Formation,
        seeds: Vec<SocketAddr>,
    ) -> Result<(), Refused> {
        self.ask(|reply| Command::Switch(formation, seeds, reply))
            .await?
    }

    /// Everything that this node knows about the membership, sealed, for another node to [`merge`](Self::merge).
    /// Gossip alone is slow to tell a new node about hundreds of members.
    ///
    /// # Errors
    ///
    /// When the node is not a member.
    pub async fn state(&self) -> Result<Vec<u8>, Refused> {
        self.ask(Command::State).await?
    }

    /// Takes over what another member knows: when joining, and later from time to time from a random one.
    ///
    /// # Errors
    ///
    /// When it is of another cluster, forged or old, or this node is in no cluster.
    pub async fn merge(&self, state: Vec<u8>) -> Result<(), MergeError> {
        self.ask(|reply| Command::Merge(state, reply))
            .await
            .map_err(MergeError::Refused)?
    }

    /// Leaves the cluster, and returns when the others have been told, in about a second.
    /// The task ends then.
    pub async fn leave(&self) {
        // A task that has ended has nothing left to leave.
        if self.ask(Command::Leave).await.is_ok() {
            let mut members = self.members();
            let _gone = members
                .wait_for(|members| members.me.status.is_final())
                .await
                .is_ok();
        }
    }

    /// Asks a member to leave; its process then ends as if it had been asked to stop. For this node itself it is the
    /// same as [`leave`](Self::leave), without waiting.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub async fn leave_member(&self, node: SocketAddr) -> Result<(), Refused> {
        self.ask(|reply| Command::LeaveMember(node, reply)).await?
    }

    /// Removes a member at once, for all: meant for a dead one. One that lives is told to end; one that is only cut
    /// off comes back when it can.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub async fn down(&self, node: SocketAddr) -> Result<(), Refused> {
        self.ask(|reply| Command::Down(node, reply)).await?
    }

    /// Counts of the socket's traffic so far.
    ///
    /// # Errors
    ///
    /// When the task has ended.
    pub async fn traffic(&self) -> Result<Traffic, Refused> {
        self.ask(Command::Traffic).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(command(reply)).await.is_err() {
            return Err(Refused::Stopped);
        }
        // The task drops a reply only when it ends.
        answer.await.map_err(|_ended| Refused::Stopped)
    }
}
