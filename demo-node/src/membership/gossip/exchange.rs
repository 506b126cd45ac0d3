//! What is remembered for the exchange of whole states.

use std::time::{Duration, Instant};

/// How long the same sealed state is returned again. Asking needs no key, so asking often must not keep the node
/// busy; and news travels by gossip anyway.
const KEPT: Duration = Duration::from_millis(100);

/// The longest state that is taken over: about 50,000 members.
pub const STATE_LIMIT: usize = 4 << 20;

/// What a node remembers about states that it gave and took.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The state as it was last sealed.
    sealed: Option<(Instant, Vec<u8>)>,
    /// Whether this node has already taken over another member's state.
    has_taken: bool,
}

impl Exchange {
    /// The state, if it was sealed just now.
    pub(super) fn recent(&self, now: Instant) -> Option<&[u8]> {
        let (at, state) = self.sealed.as_ref()?;
        (now.saturating_duration_since(*at) < KEPT).then_some(state)
    }

    pub(super) fn keep(&mut self, now: Instant, state: &[u8]) {
        self.sealed = Some((now, state.to_vec()));
    }

    /// Notes that a state is taken over; returns whether it is the first.
    pub(super) fn takes_first(&mut self) -> bool {
        !std::mem::replace(&mut self.has_taken, true)
    }
}
