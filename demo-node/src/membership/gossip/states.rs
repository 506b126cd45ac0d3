//! Giving another member everything that this node knows, and taking over what another member knows.

use std::collections::BTreeSet;

use super::{Gossip, exchange::STATE_LIMIT, part::Part, returned};
use crate::{
    membership::{
        environment::Now,
        handle::{MergeError, Refused},
        wire::Wire,
    },
    seal::Purpose,
};

impl Gossip {
    /// Everything known: see [`Handle::state`](crate::membership::Handle::state).
    ///
    /// # Errors
    ///
    /// When the node is not a member.
    pub fn state(&mut self, now: Now) -> Result<Vec<u8>, Refused> {
        let Part::Up(formation) = self.part else {
            return Err(self.part.refusal());
        };
        if let Some(state) = self.exchange.recent(now.instant) {
            return Ok(state.to_vec());
        }
        // The first one is the sender.
        let me = foca::Member::alive(self.swim.me().clone());
        let all = std::iter::once(&me).chain(self.swim.everyone());
        let message = Wire::write_all(all).expect("active members say who they are");
        let state = self.channel.seal(Purpose::State, formation, &message, now);
        self.exchange.keep(now.instant, &state);
        Ok(state)
    }

    /// Takes over what another knows: see [`Handle::merge`](crate::membership::Handle::merge).
    ///
    /// # Errors
    ///
    /// When it is of another cluster, forged or old, or this node is in no cluster.
    pub fn merge(&mut self, state: &[u8], now: Now) -> Result<(), MergeError> {
        let Some(formation) = self.part.stays_in() else {
            return Err(MergeError::Refused(self.part.refusal()));
        };
        if STATE_LIMIT < state.len() {
            return Err(MergeError::Malformed);
        }
        let message = self
            .channel
            .open_state(formation, state, now)
            .map_err(MergeError::Unopened)?;
        let Ok(mut members) = Wire::read_all(&message) else {
            return Err(MergeError::Malformed);
        };
        let teller = members.first().map(|member| member.id().gossip);
        if teller.is_some_and(|teller| self.was_cut_off(teller, now)) {
            members.retain(|news| !returned::is_out_of_date(news, &self.swim));
        }
        // What a new member learns first, the others know: it need not tell them.
        let tell = !self.exchange.takes_first();
        if tell {
            // Members that this node has forgotten are not remembered again: otherwise members would remind each
            // other for ever.
            let known: BTreeSet<_> = self.swim.everyone().map(|one| one.id().gossip).collect();
            members.retain(|news| {
                news.state() != foca::State::Down || known.contains(&news.id().gossip)
            });
        }
        self.swim.apply(members, tell);
        self.settle(now);
        self.observe(|| teller);
        Ok(())
    }
}
