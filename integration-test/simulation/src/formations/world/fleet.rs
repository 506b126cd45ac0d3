//! A second fleet of as many nodes, started once the first ones are one cluster: a blue/green deployment.

use std::time::Duration;

use super::{Happening, World};

impl World {
    /// Starts the second fleet, if there is one that has not started yet, with new faults. Returns whether it did.
    pub(super) fn second_fleet(&mut self) -> bool {
        let Some(fleet) = self.faults.second_fleet.take() else {
            return false;
        };
        let now = self.now.saturating_duration_since(self.began);
        self.faults.until = now + fleet.troubled;
        self.faults.splits = fleet
            .cut_off
            .then(|| fleet.apart(now, self.faults.until))
            .into_iter()
            .collect();
        for (after, host) in fleet.starts {
            self.schedule(
                now + Duration::min(after, fleet.troubled),
                Happening::Start(host),
            );
        }
        true
    }
}
