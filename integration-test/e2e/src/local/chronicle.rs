//! What happened in a scenario's accounts, kept until it is told: what was done to each node, and what AWS was asked for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use region::Calls;

use crate::nodes::life::{Happening, Life};

/// All of one scenario. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Chronicle(Arc<Mutex<Kept>>);

/// What a chronicle keeps.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// By the log of the node within the scenario's folder, without its ending.
    pub nodes: BTreeMap<String, Noted>,
    /// By the name of the account; the first one's is empty.
    pub calls: BTreeMap<String, Calls>,
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
    /// A node is started now. Gives what its life is noted in.
    pub fn started(&self, log: String, uri: String) -> Life {
        let mut kept = self.kept();
        let noted = kept.nodes.entry(log).or_default();
        noted.uri = uri;
        noted.life.note(Happening::Started);
        noted.life.clone()
    }

    /// An account is used no more; this was asked of it.
    pub fn called(&self, account: String, calls: Calls) {
        self.kept().calls.insert(account, calls);
    }

    /// Everything so far.
    pub fn so_far(&self) -> Kept {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
