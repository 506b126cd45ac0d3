//! What is kept for the exchange of whole states.

use std::time::{Duration, Instant};

/// How long a sealed state is handed out again. Whoever asks often, which needs no key, shall not
/// keep the node busy; and news travels by gossip.
const KEPT: Duration = Duration::from_millis(100);

/// The longest state that is taken over: some 50,000 members.
pub const STATE_LIMIT: usize = 4 << 20;

/// What a node remembers of states that it gave and took.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The state as it was last sealed.
    sealed: Option<(Instant, Vec<u8>)>,
    /// Whether this node has another member's state already.
    has_taken: bool,
}

impl Exchange {
    /// The state, where it was sealed just now.
    pub(super) fn recent(&self, now: Instant) -> Option<&[u8]> {
        let (at, state) = self.sealed.as_ref()?;
        (now.saturating_duration_since(*at) < KEPT).then_some(state)
    }

    pub(super) fn keep(&mut self, now: Instant, state: &[u8]) {
        self.sealed = Some((now, state.to_vec()));
    }

    /// Notes that a state is taken over; says whether it is the first.
    pub(super) fn takes_first(&mut self) -> bool {
        !std::mem::replace(&mut self.has_taken, true)
    }
}
