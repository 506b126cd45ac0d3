//! The protocol's knowledge, in the form that the rest of the node needs.

use std::collections::{BTreeMap, BTreeSet};

use super::{part::Part, suspicions::Suspicions, swim::Swim};
use crate::membership::{
    identity::{About, Identity},
    members::{Member, Members, Removal, Status},
};

/// The membership as this node sees it.
pub(super) fn view(part: Part, swim: &Swim, suspicions: &Suspicions) -> Members {
    let me = describe(swim.me(), part.status()).expect("a node says who it is");
    let mut members = BTreeMap::new();
    let mut gone = BTreeMap::new();
    for member in swim.everyone() {
        let id = member.id();
        if id.gossip == me.gossip {
            // An earlier identity of this node.
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
                gone.insert(id.gossip, removal);
                continue;
            }
        };
        let status = match id.leaving {
            true => Status::Leaving,
            false => Status::Up,
        };
        if let Some(mut member) = describe(id, status) {
            member.reachable = reachable;
            member.observed_by = suspicions.observer(id.gossip).into_iter().collect();
            members.insert(id.gossip, member);
        }
    }
    if part.is_listed() {
        members.insert(me.gossip, me.clone());
    } else if me.status.is_final() {
        let removal = match me.status {
            Status::Down => Removal::Downed,
            Status::Joining | Status::Up | Status::Leaving | Status::Removed => Removal::Left,
        };
        gone.insert(me.gossip, removal);
    }
    Members {
        me,
        formation: part.formation(),
        members,
        gone,
    }
}

/// A member as others need to see it, if it has described itself: every active one has.
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
        gossip: id.gossip,
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
