//! Whether a connection is busy.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// The state of a connection, as an extension of each request.
#[derive(Debug, Clone, Default)]
pub(in crate::management) struct Busy(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// A request is being answered.
    under_way: AtomicBool,
    /// Something arrived after the last complete request.
    come: AtomicBool,
}

impl Busy {
    /// Whether the connection is busy, from a complete request on.
    pub(in crate::management) fn set(&self, under_way: bool) {
        self.0.under_way.store(under_way, Ordering::Relaxed);
        if under_way {
            self.0.come.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.under_way.load(Ordering::Relaxed)
    }

    pub(super) fn comes(&self) {
        self.0.come.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_come(&self) -> bool {
        self.0.come.load(Ordering::Relaxed)
    }
}
