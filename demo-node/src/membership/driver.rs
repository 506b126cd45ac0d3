//! The task that owns the socket: it moves datagrams, watches the time, and answers the handles.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    environment::{Datagram, Environment, Now},
    events::{Event, events},
    gossip::{DATAGRAM_LIMIT, Gossip, Invalid},
    handle::{Command, Handle, WAITING},
    local::Local,
    members::{Members, Removal, Status},
    traffic::Rejection,
};
use crate::clock;

/// How many datagrams and requests are handled before timers get their turn, however late the timers are.
///
/// Datagrams go first, so that a node that did not run for a while hears the waiting answers before it considers
/// their senders dead; but even a flood of them must not stop the clock or block requests.
const BURST: u32 = 64;

/// How many receptions in a row may fail before the socket is considered broken.
const FAILURES: u32 = 16;

/// The membership's task: run it, and it answers the [`Handle`]s.
#[derive(Debug)]
pub struct Driver<D> {
    gossip: Gossip,
    socket: D,
    unix_millis: fn() -> u64,
    commands: mpsc::Receiver<Command>,
    members: watch::Sender<Arc<Members>>,
}

/// How the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It was stopped, without leaving the cluster.
    Stopped,
    /// The node has left: it was asked to, here or by another member.
    Left,
    /// It was told to end at once.
    Downed,
}

/// Why the task could not continue.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Receiving fails and keeps failing.
    #[error("failed to receive datagrams")]
    Socket(#[source] io::Error),
}

/// Prepares the membership of a node, which is in no cluster yet.
///
/// # Errors
///
/// When the node's description of itself is too long for a datagram.
pub fn new<D: Datagram>(
    settings: Local,
    socket: D,
    environment: Environment,
) -> Result<(Handle, Driver<D>), Invalid> {
    let Environment {
        unix_millis,
        entropy,
    } = environment;
    let mut gossip = Gossip::new(settings, entropy, now(unix_millis))?;
    let (members, view) = watch::channel(Arc::clone(gossip.members()));
    let (requests, commands) = mpsc::channel(WAITING);
    let driver = Driver {
        gossip,
        socket,
        unix_millis,
        commands,
        members,
    };
    Ok((Handle::new(view, requests), driver))
}

impl<D: Datagram> Driver<D> {
    /// Gossips until the node has left or is stopped.
    ///
    /// # Errors
    ///
    /// When the socket is broken.
    pub async fn run(mut self, stop: CancellationToken) -> Result<Departure, Broken> {
        // One byte more than any member sends, to recognise datagrams that are longer.
        let mut buffer = [0; DATAGRAM_LIMIT + 1];
        let mut failures = 0;
        let mut burst = 0;
        loop {
            while let Some((to, datagram)) = self.gossip.next_datagram() {
                if let Err(error) = self.socket.send_to(&datagram, to).await {
                    self.gossip.unsent();
                    tracing::debug!(%to, %error, "failed to send a datagram");
                }
            }
            if let Some(departure) = self.publish() {
                return Ok(departure);
            }
            if BURST <= burst {
                burst = 0;
                self.gossip.elapsed(self.now());
                if let Ok(command) = self.commands.try_recv() {
                    self.obey(command);
                }
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Departure::Stopped),
                received = self.socket.recv_from(&mut buffer) => match received {
                    Ok((length, from)) => {
                        failures = 0;
                        burst += 1;
                        let (now, datagram) = (self.now(), &buffer[..length]);
                        if !self.gossip.echo(datagram, from, now)
                            && let Err(rejection) = self.gossip.received(datagram, now)
                        {
                            self.note(rejection, from);
                        }
                    }
                    Err(error) if failures < FAILURES => {
                        failures += 1;
                        tracing::warn!(%error, "failed to receive a datagram");
                    }
                    Err(error) => return Err(Broken::Socket(error)),
                },
                Some(command) = self.commands.recv() => {
                    burst += 1;
                    self.obey(command);
                }
                () = until(self.gossip.next_deadline()) => {
                    burst = 0;
                    self.gossip.elapsed(self.now());
                }
            }
        }
    }

    fn now(&self) -> Now {
        now(self.unix_millis)
    }

    fn obey(&mut self, command: Command) {
        let now = self.now();
        // The asker may be gone: then the answer goes nowhere.
        match command {
            Command::Found(formation, reply) => {
                let _ = reply.send(self.gossip.found(formation, now));
            }
            Command::Join(formation, seeds, reply) => {
                let _ = reply.send(self.gossip.join(formation, &seeds, now));
            }
            Command::Invite(node, reply) => {
                let _ = reply.send(self.gossip.invite(node, now));
            }
            Command::Switch(formation, seeds, reply) => {
                let _ = reply.send(self.gossip.switch(formation, &seeds, now));
            }
            Command::State(reply) => {
                let _ = reply.send(self.gossip.state(now));
            }
            Command::Merge(state, reply) => {
                let _ = reply.send(self.gossip.merge(&state, now));
            }
            Command::Leave(reply) => {
                self.gossip.leave(now);
                let _ = reply.send(());
            }
            Command::LeaveMember(node, reply) => {
                let _ = reply.send(self.gossip.leave_member(node, now));
            }
            Command::Down(node, reply) => {
                let _ = reply.send(self.gossip.down(node, now));
            }
            Command::Traffic(reply) => {
                let _ = reply.send(self.gossip.traffic().clone());
            }
        }
    }

    /// The first of each kind is logged, since secrets or clocks may differ. The others are only counted.
    fn note(&self, rejection: Rejection, from: SocketAddr) {
        let count = self.gossip.traffic().rejected.get(&rejection);
        if count == Some(&1) && rejection != Rejection::NoCluster {
            tracing::warn!(%from, %rejection, "dropped a datagram; others like it are only counted");
        } else {
            tracing::debug!(%from, %rejection, "dropped a datagram");
        }
    }

    /// Reports changes to the rest of the node and to the log.
    fn publish(&mut self) -> Option<Departure> {
        let members = self.gossip.members();
        if !Arc::ptr_eq(&self.members.borrow(), members) {
            let before = self.members.send_replace(Arc::clone(members));
            for event in events(&before, members) {
                log(&event);
            }
        }
        match members.me.status {
            Status::Joining | Status::Up | Status::Leaving => None,
            Status::Removed => Some(Departure::Left),
            Status::Down => Some(Departure::Downed),
        }
    }
}

fn now(unix_millis: fn() -> u64) -> Now {
    Now {
        instant: clock::now(),
        unix_millis: unix_millis(),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

fn log(event: &Event) {
    match event {
        Event::MemberJoined(member) => tracing::info!(node = %member.gossip, "asking to be let in"),
        Event::MemberUp(member) => {
            tracing::info!(node = %member.gossip, uid = %member.uid, "member is up");
        }
        Event::MemberLeft(member) => tracing::info!(node = %member.gossip, "member is leaving"),
        Event::MemberRemoved { member, removal } => match removal {
            Removal::Left => tracing::info!(node = %member.gossip, "member has left"),
            Removal::Downed => tracing::warn!(node = %member.gossip, "member was removed as dead"),
            Removal::Replaced => {
                tracing::info!(node = %member.gossip, "member was replaced by a newer process");
            }
        },
        Event::UnreachableMember(member) => {
            let observed_by = &member.observed_by;
            tracing::warn!(node = %member.gossip, ?observed_by, "member does not answer");
        }
        Event::ReachableMember(member) => {
            tracing::info!(node = %member.gossip, "member answers again");
        }
        Event::LeaderChanged(leader) => {
            let leader = leader.map(tracing::field::display);
            tracing::info!(leader, "leader changed");
        }
    }
}

#[cfg(test)]
mod tests;
