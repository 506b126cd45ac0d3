//! What was done to a node, and when: things that its own log cannot tell.

use std::{
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
};

use demo_node::clock;

/// The notes about one node, shared by the code that ends it and the code that reports about it.
#[derive(Debug, Clone, Default)]
pub struct Life(Arc<Mutex<Vec<(u64, Happening)>>>);

/// Something that was done to a node, or happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Its process was started.
    Started,
    /// It was killed, without a chance to log anything.
    Killed,
    /// It was asked to leave.
    Asked,
    /// It has ended, with this status.
    Ended(String),
    /// It was found to have ended unexpectedly, some time before, with this status.
    FoundEnded(String),
    /// It was no longer needed.
    LetGo,
}

impl Life {
    /// Notes that this happens now.
    pub fn note(&self, happening: Happening) {
        let now = clock::unix_millis();
        let notes = self.0.lock();
        let mut notes = notes.unwrap_or_else(PoisonError::into_inner);
        notes.push((now, happening));
    }

    /// Notes how it ended.
    pub fn note_end(&self, status: ExitStatus) {
        self.note(Happening::Ended(status.to_string()));
    }

    /// What happened so far, each with its time: milliseconds since 1970.
    pub fn so_far(&self) -> Vec<(u64, Happening)> {
        let notes = self.0.lock();
        notes.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
