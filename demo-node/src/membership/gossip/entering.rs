//! Entering a cluster, and leaving one.

use std::{collections::BTreeSet, net::SocketAddr};

use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Gossip,
    absent::{Absent, INVITED_FOR, MOST_INVITED},
    exchange::Exchange,
    part::Part,
    suspicions::Suspicions,
};
use crate::{
    cluster::Formation,
    membership::{environment::Now, handle::Refused, timers::Timers},
};

impl Gossip {
    /// Starts a cluster: see [`Handle::found`](crate::membership::Handle::found).
    ///
    /// # Errors
    ///
    /// When the node is in another cluster, or is leaving.
    pub fn found(&mut self, formation: Formation, now: Now) -> Result<(), Refused> {
        self.enter(formation)?;
        if let Part::Joining(formation) = self.part {
            self.stand(Part::Up(formation));
        }
        self.absent.try_soon(now.instant);
        Ok(())
    }

    /// Asks to be let in: see [`Handle::join`](crate::membership::Handle::join).
    ///
    /// # Errors
    ///
    /// When the node is in another cluster, or is leaving.
    pub fn join(
        &mut self,
        formation: Formation,
        seeds: &[SocketAddr],
        now: Now,
    ) -> Result<(), Refused> {
        self.enter(formation)?;
        let me = self.swim.me().gossip;
        let present: BTreeSet<_> = self.swim.members().map(|m| m.id().gossip).collect();
        for seed in seeds {
            if *seed != me && !present.contains(seed) {
                self.absent.add(*seed, now.instant);
            }
        }
        self.absent.try_soon(now.instant);
        Ok(())
    }

    /// Invites a node: see [`Handle::invite`](crate::membership::Handle::invite).
    ///
    /// # Errors
    ///
    /// When this node is in no cluster, or too many were named before.
    pub fn invite(&mut self, node: SocketAddr, now: Now) -> Result<(), Refused> {
        if self.part.stays_in().is_none() {
            return Err(self.part.refusal());
        }
        let is_present = self.swim.members().any(|member| member.id().gossip == node);
        if is_present || node == self.swim.me().gossip || self.absent.invite(node, now.instant) {
            return Ok(());
        }
        Err(Refused::TooMany {
            number: MOST_INVITED,
            limit: INVITED_FOR,
        })
    }

    /// Enters a cluster, if it is in no other.
    fn enter(&mut self, formation: Formation) -> Result<(), Refused> {
        match self.part {
            Part::Outside => {}
            Part::Joining(current) | Part::Up(current) if current.id == formation.id => {
                return Ok(());
            }
            // It was never let in, so no member there misses it, and it knows none.
            Part::Joining(_) => self.absent.clear(),
            Part::Up(_) | Part::Leaving(_) | Part::Departing(..) | Part::Gone(..) => {
                return Err(self.part.refusal());
            }
        }
        self.stand(Part::Joining(formation));
        Ok(())
    }

    /// Tells the others once, which are about to switch, too, and forgets them all.
    pub(super) fn take_leave(&mut self, now: Now) {
        let former = self.swim.me().clone();
        self.swim.show_leaving();
        self.swim.leave();
        self.settle(now);

        let rng = StdRng::from_rng(&mut self.rng);
        self.swim.start_over(&former, rng);
        self.timers = Timers::new();
        self.absent = Absent::default();
        self.suspicions = Suspicions::default();
        self.exchange = Exchange::default();
        self.candidate = None;
        self.stand(Part::Outside);
    }
}
