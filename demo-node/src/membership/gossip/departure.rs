//! Leaving: announce it, go, and make sure that others know.

use super::{Gossip, due::Due, part::Part};
use crate::membership::{environment::Now, members::Status};

/// How often a departure is told to a few more members.
const FAREWELLS: u32 = 3;

impl Gossip {
    /// Leaves the cluster: see [`Handle::leave`](crate::membership::Handle::leave).
    pub fn leave(&mut self, now: Now) {
        match self.part {
            Part::Outside | Part::Joining(_) => self.gone(Status::Removed),
            Part::Up(_) if self.swim.size() == 1 => self.gone(Status::Removed),
            Part::Up(formation) => {
                self.stand(Part::Leaving(formation));
                self.swim.show_leaving();
                self.settle(now);
                self.timers
                    .schedule(now.instant + self.timing.leave_notice, Due::Depart);
            }
            Part::Leaving(_) | Part::Departing(..) | Part::Gone(..) => {}
        }
    }

    /// Leaves now, if it was in a cluster.
    pub(super) fn depart(&mut self, status: Status, now: Now) {
        let Some(formation) = self.part.formation() else {
            return;
        };
        self.swim.leave();
        self.settle(now);
        self.stand(Part::Departing(formation, status));
        self.farewell(FAREWELLS, now);
    }

    pub(super) fn farewell(&mut self, left: u32, now: Now) {
        let Part::Departing(_, status) = self.part else {
            return;
        };
        if left == 0 {
            self.gone(status);
            return;
        }
        self.swim.gossip();
        self.settle(now);
        self.timers.schedule(
            now.instant + self.timing.leave_notice,
            Due::Farewell(left - 1),
        );
    }

    fn gone(&mut self, status: Status) {
        self.stand(Part::Gone(self.part.formation(), status));
    }
}
