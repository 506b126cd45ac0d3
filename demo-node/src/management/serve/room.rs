//! Makes room for the next connection: closes the oldest one that is not busy.

use std::{collections::VecDeque, io, time::Duration};

use discovery::Chain;
use rustix::io::Errno;
use tokio::{
    task::{AbortHandle, yield_now},
    time::{Instant, sleep},
};

use super::busy::Busy;

/// The connections that were accepted, oldest first.
#[derive(Default)]
pub(super) struct Room(VecDeque<Open>);

struct Open {
    task: AbortHandle,
    busy: Busy,
}

/// Connections that could not be accepted, and when that was last logged: however many there are, the log has room
/// for other lines.
#[derive(Default)]
pub(super) struct Refusals {
    told: Option<Instant>,
    untold: u64,
}

/// If all connections are busy: how soon to look again for one that is not.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// After a failure to accept: the pause in which connections may end.
const BREATH: Duration = Duration::from_millis(100);

/// Failures to accept are logged at most this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

impl Room {
    pub(super) fn add(&mut self, task: AbortHandle, busy: Busy) {
        self.0.push_back(Open { task, busy });
    }

    /// Waits until there is room for one more.
    pub(super) async fn make(&mut self, limit: usize) {
        self.forget_ended();
        while limit <= self.0.len() {
            if !self.give_way().await {
                sleep(LOOK_AGAIN).await;
            }
            self.forget_ended();
        }
    }

    /// After a failure to accept: if there are no descriptors left, closes a connection; otherwise only waiting
    /// helps.
    pub(super) async fn make_after(&mut self, failure: &io::Error) {
        self.forget_ended();
        let used_up = matches!(
            Errno::from_io_error(failure),
            Some(Errno::MFILE | Errno::NFILE)
        );
        if !(used_up && self.give_way().await) {
            sleep(BREATH).await;
        }
    }

    /// Closes the oldest connection that is not busy, if there is one.
    async fn give_way(&mut self) -> bool {
        let idle = self.0.iter().position(|open| !open.busy.is_set());
        let Some(idle) = idle.and_then(|idle| self.0.remove(idle)) else {
            return false;
        };
        tracing::debug!("closed an idle connection to make room for a new one");
        idle.task.abort();
        // Its descriptor is free when the task has ended.
        while !idle.task.is_finished() {
            yield_now().await;
        }
        true
    }

    fn forget_ended(&mut self) {
        self.0.retain(|open| !open.task.is_finished());
    }
}

impl Refusals {
    pub(super) fn tell(&mut self, failure: &io::Error) {
        let now = Instant::now();
        let Some(before) = self.count(now) else {
            return;
        };
        tracing::warn!(
            error = %Chain(failure),
            untold_before = before,
            "a connection could not be accepted; this is logged once a minute"
        );
    }

    /// Whether to log now, and if so, how many failures were not logged.
    fn count(&mut self, now: Instant) -> Option<u64> {
        if self.told.is_some_and(|told| now < told + TELL_EVERY) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_to_accept_are_told_once_a_minute_with_their_number() {
        let mut refusals = Refusals::default();
        let start = Instant::now();
        let told: Vec<_> = (0..130)
            .filter_map(|second| {
                let before = refusals.count(start + Duration::from_secs(second))?;
                Some((second, before))
            })
            .collect();
        assert_eq!(told, [(0, 0), (60, 59), (120, 59)]);
    }
}
