//! Asks every node repeatedly what it does and which members it sees. Each is asked separately, so a silent one
//! delays no other.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use futures::future::join;
use observe::{http, members};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use super::voice::Voice;

/// The pause between two questions to a node while a page is open.
pub(super) const LOOKED_AT: Duration = Duration::from_millis(250);

/// The same while no page is open.
pub(super) const ALONE: Duration = Duration::from_secs(1);

/// How many answers may wait. If they are not read, nodes are asked less often.
const WAITING: usize = 64;

/// The name of a node, and what it says; none if it does not answer.
pub(super) type Heard = (String, Option<Voice>);

/// Asks until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    asking: JoinSet<()>,
    handles: BTreeMap<String, AbortHandle>,
    told: mpsc::Sender<Heard>,
    pace: watch::Sender<Duration>,
}

impl Watcher {
    /// Asks no node yet. The answers come out of the other end.
    #[must_use]
    pub(super) fn new() -> (Self, mpsc::Receiver<Heard>) {
        let (told, heard) = mpsc::channel(WAITING);
        let watcher = Self {
            asking: JoinSet::new(),
            handles: BTreeMap::new(),
            told,
            pace: watch::Sender::new(LOOKED_AT),
        };
        (watcher, heard)
    }

    /// Begins to ask a node.
    pub(super) fn follow(&mut self, name: &str, at: SocketAddr) {
        let asking = ask(
            name.to_owned(),
            at,
            self.told.clone(),
            self.pace.subscribe(),
        );
        let handle = self.asking.spawn(asking);
        self.handles.insert(name.to_owned(), handle);
    }

    /// Asks a node no more.
    pub(super) fn leave(&mut self, name: &str) {
        if let Some(handle) = self.handles.remove(name) {
            handle.abort();
        }
        while self.asking.try_join_next().is_some() {}
    }

    /// The pause between two questions to a node.
    pub(super) fn pace(&self, pause: Duration) {
        self.pace.send_if_modified(|now| {
            let is_other = *now != pause;
            *now = pause;
            is_other
        });
    }
}

async fn ask(
    name: String,
    at: SocketAddr,
    told: mpsc::Sender<Heard>,
    mut pace: watch::Receiver<Duration>,
) {
    loop {
        if told.send((name.clone(), voice(at).await)).await.is_err() {
            return;
        }
        let pause = *pace.borrow_and_update();
        tokio::select! {
            () = sleep(pause) => {}
            changed = pace.changed() => if changed.is_err() { return },
        }
    }
}

async fn voice(at: SocketAddr) -> Option<Voice> {
    let (bootstrap, members) =
        join(http::get(at, "/bootstrap"), http::get(at, members::PATH)).await;
    Voice::read(&bootstrap.ok()?.body, &members.ok()?.body).ok()
}
