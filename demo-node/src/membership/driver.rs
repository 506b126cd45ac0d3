//! The task that owns the socket.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Datagram, Environment, Handle, Members, Settings,
    handle::{Command, WAITING},
    members::{Member, Status},
};

/// The membership's task: run it, and it answers the [`Handle`]s.
#[derive(Debug)]
pub struct Driver<D> {
    socket: D,
    #[expect(dead_code, reason = "read by the protocol, which follows")]
    environment: Environment,
    commands: mpsc::Receiver<Command>,
    #[expect(dead_code, reason = "written by the protocol, which follows")]
    members: watch::Sender<Arc<Members>>,
}

/// How the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It was stopped, without leaving the cluster.
    Stopped,
    /// The node has left: it was asked to, here or by another member.
    Left,
    /// Another member told it to go.
    Downed,
}

/// Why the task could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Receiving fails and keeps failing.
    #[error("failed to receive datagrams")]
    Socket(#[source] std::io::Error),
}

/// Why a node cannot be a member.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Its roles, version and zone must travel in datagrams with those of others.
    #[error("roles, version and zone take {0} bytes, expected at most 256")]
    TooMuchToSay(usize),
}

/// Prepares the membership of a node.
///
/// # Errors
///
/// Where what the node says of itself is too long for a datagram.
pub fn new<D: Datagram>(
    settings: Settings,
    socket: D,
    environment: Environment,
) -> Result<(Handle, Driver<D>), Invalid> {
    let me = Member {
        node: settings.node,
        management: settings.management,
        uid: settings.uid,
        generation: settings.started_at,
        roles: settings.roles,
        started_at: settings.started_at,
        version: settings.version,
        zone: settings.zone,
        status: Status::Joining,
        reachable: true,
        observed_by: std::collections::BTreeSet::new(),
    };
    let (members, view) = watch::channel(Arc::new(Members {
        me,
        formation: None,
        members: std::collections::BTreeMap::new(),
        gone: std::collections::BTreeMap::new(),
    }));
    let (sender, commands) = mpsc::channel(WAITING);
    let driver = Driver {
        socket,
        environment,
        commands,
        members,
    };
    Ok((Handle::new(view, sender), driver))
}

impl<D: Datagram> Driver<D> {
    /// Gossips until the node has left or is stopped.
    ///
    /// # Errors
    ///
    /// Where the socket is broken.
    pub async fn run(mut self, stop: CancellationToken) -> Result<Departure, Broken> {
        let mut buffer = [0; 2048];
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Departure::Stopped),
                Some(_command) = self.commands.recv() => {}
                received = self.socket.recv_from(&mut buffer) => {
                    received.map_err(Broken::Socket)?;
                }
            }
        }
    }
}
