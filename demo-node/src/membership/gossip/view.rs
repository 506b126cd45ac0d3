//! What the protocol knows, put the way the rest of the node wants it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Gossip, Phase};
use crate::membership::{
    Member, Members, Removal, Status,
    identity::{About, Identity},
};

/// The view of a node in no cluster.
pub(super) fn outside(me: &Identity) -> Members {
    Members {
        me: describe(me, Status::Joining).expect("a node says who it is"),
        formation: None,
        members: BTreeMap::new(),
        gone: BTreeMap::new(),
    }
}

impl Gossip {
    pub(super) fn view(&self) -> Members {
        let (status, listed) = match self.phase {
            Phase::Outside => (Status::Joining, false),
            Phase::Joining => (Status::Joining, true),
            Phase::Up => (Status::Up, true),
            Phase::Leaving => (Status::Leaving, true),
            // Still telling the others: over when that is.
            Phase::Departing(_) => (Status::Leaving, true),
            Phase::Gone(status) => (status, false),
        };
        let identity = self.foca.identity();
        let me = describe(identity, status).expect("a node says who it is");

        let mut members = BTreeMap::new();
        let mut gone = BTreeMap::new();
        for member in self.foca.iter_membership_state() {
            let id = member.id();
            if id.node == identity.node {
                // A former self.
                continue;
            }
            let reachable = match member.state() {
                foca::State::Alive => true,
                foca::State::Suspect => false,
                foca::State::Down => {
                    let removal = match id.leaving {
                        true => Removal::Left,
                        false => Removal::Downed,
                    };
                    gone.insert(id.node, removal);
                    continue;
                }
            };
            let status = match id.leaving {
                true => Status::Leaving,
                false => Status::Up,
            };
            if let Some(mut member) = describe(id, status) {
                member.reachable = reachable;
                member.observed_by = self.suspects.get(&id.node).copied().into_iter().collect();
                members.insert(id.node, member);
            }
        }
        if listed {
            members.insert(me.node, me.clone());
        } else if status.is_final() {
            let removal = match status {
                Status::Down => Removal::Downed,
                Status::Joining | Status::Up | Status::Leaving | Status::Removed => Removal::Left,
            };
            gone.insert(me.node, removal);
        }
        Members {
            me,
            formation: self.formation,
            members,
            gone,
        }
    }
}

/// A member as others want to see it, where it has said who it is: every active one has.
fn describe(id: &Identity, status: Status) -> Option<Member> {
    let About {
        management,
        uid,
        started_at,
        roles,
        version,
        zone,
    } = id.about.as_deref()?.clone();
    Some(Member {
        node: id.node,
        management,
        uid,
        generation: id.generation,
        roles,
        started_at,
        version,
        zone,
        status,
        reachable: true,
        observed_by: BTreeSet::new(),
    })
}
