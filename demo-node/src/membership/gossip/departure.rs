//! Leaving: show it, go, and make sure that it is known.

use super::{Due, Gossip, Now, Phase};
use crate::membership::Status;

/// How often a departure is told to a few more members.
const FAREWELLS: u32 = 3;

impl Gossip {
    /// Leaves the cluster: see [`Handle::leave`](crate::membership::Handle::leave).
    pub fn leave(&mut self, now: Now) {
        match self.phase {
            Phase::Outside | Phase::Joining => self.gone(Status::Removed),
            Phase::Up if self.foca.num_members() == 0 => self.gone(Status::Removed),
            Phase::Up => {
                self.phase = Phase::Leaving;
                self.stale = true;
                let leaving = self.foca.identity().leaving();
                let result = self.foca.change_identity(leaving, &mut self.effects);
                self.settle(result, now);
                self.timers
                    .schedule(now.instant + self.timing.leave_notice, Due::Depart);
            }
            Phase::Leaving | Phase::Departing(_) | Phase::Gone(_) => {}
        }
    }

    /// Is gone as of now, whatever its part was.
    pub(super) fn depart(&mut self, status: Status, now: Now) {
        let result = self.foca.leave_cluster(&mut self.effects);
        self.settle(result, now);
        self.phase = Phase::Departing(status);
        self.stale = true;
        self.farewell(FAREWELLS, now);
    }

    pub(super) fn farewell(&mut self, left: u32, now: Now) {
        let Phase::Departing(status) = self.phase else {
            return;
        };
        if left == 0 {
            self.gone(status);
            return;
        }
        let result = self.foca.gossip(&mut self.effects);
        self.settle(result, now);
        self.timers.schedule(
            now.instant + self.timing.leave_notice,
            Due::Farewell(left - 1),
        );
    }

    fn gone(&mut self, status: Status) {
        self.phase = Phase::Gone(status);
        self.stale = true;
    }
}
