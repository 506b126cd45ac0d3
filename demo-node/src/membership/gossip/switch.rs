//! Going over to another cluster.
//!
//! Where two clusters of one name have come into being, the members of the younger one end it by
//! joining the older.

use std::net::SocketAddr;

use foca::{AccumulatingRuntime, Foca, Identity as _};

use super::{Absent, Gossip, Now, Phase, Timers, Wire, config};
use crate::{cluster::Formation, membership::Refused};

impl Gossip {
    /// Leaves its cluster for another one: see
    /// [`Handle::switch`](crate::membership::Handle::switch).
    ///
    /// # Errors
    ///
    /// Where the node is on its way out.
    pub fn switch(
        &mut self,
        formation: Formation,
        seeds: &[SocketAddr],
        now: Now,
    ) -> Result<(), Refused> {
        let elsewhere = self
            .formation
            .is_some_and(|current| current.id != formation.id);
        if self.phase == Phase::Up && elsewhere {
            self.take_leave(now);
        }
        self.join(formation, seeds, now)
    }

    /// Tells the others once, who are about to switch, too, and forgets them all, as if the process
    /// had just started.
    fn take_leave(&mut self, now: Now) {
        let identity = self.foca.identity().clone();
        let leaving = self
            .foca
            .change_identity(identity.leaving(), &mut self.effects)
            .and_then(|()| self.foca.leave_cluster(&mut self.effects));
        self.settle(leaving, now);

        let identity = identity
            .renew()
            .expect("a node that is up is not leaving, and may come back");
        let config = config(&self.timing, 1);
        self.foca = Foca::new(identity, config, self.entropy.fork(), Wire);
        self.effects = AccumulatingRuntime::new();
        self.timers = Timers::new();
        self.resting_gossip = None;
        self.absent = Absent::default();
        self.known = false;
        self.suspects.clear();
        self.warned.clear();
        self.merged = false;
        self.state = None;
        self.phase = Phase::Outside;
        self.formation = None;
        self.stale = true;
    }
}
