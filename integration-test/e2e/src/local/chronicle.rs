//! What happened in a scenario's accounts: what was done to each node and to the network, what was wrong with AWS,
//! and which calls AWS had.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use demo_node::clock;
use region::{Calls, Trouble};

use crate::nodes::life::{Happening, Life};

/// Everything about one scenario. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Chronicle(Arc<Mutex<Kept>>);

/// The content of a chronicle.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// By the log of the node within the scenario's folder, without its ending.
    pub nodes: BTreeMap<String, Noted>,
    /// The names of nodes, by the ids of their tasks.
    pub names: BTreeMap<String, String>,
    /// By the name of the account; the first one's is empty.
    pub calls: BTreeMap<String, Calls>,
    /// By the name of the account, too: what was wrong with it.
    pub troubles: BTreeMap<String, Vec<Trouble>>,
    /// When the network was split, in the order in which it was.
    pub splits: Vec<Split>,
}

/// The network was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The nodes of one side.
    pub side: Vec<String>,
    /// Since when: milliseconds since 1970.
    pub from: u64,
    /// When it was split otherwise, or whole again. None where it still is.
    pub to: Option<u64>,
}

/// A node, as those know it who started it.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// What its peers call it.
    pub uri: String,
    /// What was done to it.
    pub life: Life,
}

impl Chronicle {
    /// A node is started now. Returns the record of its life.
    pub fn started(&self, log: String, uri: String) -> Life {
        let mut kept = self.kept();
        let noted = kept.nodes.entry(log).or_default();
        noted.uri = uri;
        noted.life.note(Happening::Started);
        noted.life.clone()
    }

    /// The node of this task has this name.
    pub fn named(&self, task: String, node: String) {
        self.kept().names.insert(task, node);
    }

    /// From now on the network is split between these nodes and all others. Without any node, it is not split.
    pub fn split(&self, side: Vec<String>) {
        let now = clock::unix_millis();
        let mut kept = self.kept();
        if let Some(last) = kept.splits.last_mut() {
            last.to.get_or_insert(now);
        }
        if !side.is_empty() {
            kept.splits.push(Split {
                side,
                from: now,
                to: None,
            });
        }
    }

    /// An account is no longer used; these were its calls, and this was wrong with it.
    pub fn closed(&self, account: String, calls: Calls, troubles: Vec<Trouble>) {
        let mut kept = self.kept();
        kept.calls.insert(account.clone(), calls);
        kept.troubles.insert(account, troubles);
    }

    /// Everything so far.
    pub fn so_far(&self) -> Kept {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
