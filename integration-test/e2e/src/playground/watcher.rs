//! Asks every node again and again what it does and whom it sees, each by itself: one that is silent holds up nobody.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use futures::future::join;
use observe::{http, members};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use super::voice::Voice;

/// Between two questions to a node, while somebody looks.
pub(super) const LOOKED_AT: Duration = Duration::from_millis(250);

/// And while nobody does.
pub(super) const ALONE: Duration = Duration::from_secs(1);

/// Answers that wait to be taken. A node that is not taken from is asked less often.
const WAITING: usize = 64;

/// The name of a node, and what it says; nothing where it does not answer.
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
    /// Asks nobody yet. What is heard comes out of the other end.
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
