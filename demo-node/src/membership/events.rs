//! What happened between two views of the membership.

use std::{cmp::Ordering, net::SocketAddr};

use super::members::{Member, Members, Removal, Status};

/// Something that happened to the cluster, as one node saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This node was told of a cluster and asks to be let in.
    MemberJoined(Member),
    /// A node is a member.
    MemberUp(Member),
    /// A member is about to leave.
    MemberLeft(Member),
    /// A node is no longer a member.
    MemberRemoved {
        /// The node, as last seen.
        member: Member,
        /// Why it is no longer a member.
        removal: Removal,
    },
    /// A member does not answer.
    UnreachableMember(Member),
    /// A member answers again.
    ReachableMember(Member),
    /// Another node leads, or none does.
    LeaderChanged(Option<SocketAddr>),
}

impl Event {
    /// The names of all kinds.
    pub const NAMES: [&str; 7] = [
        "MemberJoined",
        "MemberUp",
        "MemberLeft",
        "MemberRemoved",
        "UnreachableMember",
        "ReachableMember",
        "LeaderChanged",
    ];

    /// The name of this kind of event.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MemberJoined(_) => "MemberJoined",
            Self::MemberUp(_) => "MemberUp",
            Self::MemberLeft(_) => "MemberLeft",
            Self::MemberRemoved { .. } => "MemberRemoved",
            Self::UnreachableMember(_) => "UnreachableMember",
            Self::ReachableMember(_) => "ReachableMember",
            Self::LeaderChanged(_) => "LeaderChanged",
        }
    }
}

/// What happened between two views: first nodes that went, then nodes that came or changed, then the leader.
///
/// Views may be skipped: then the events are the sum of the changes.
#[must_use]
pub fn events(before: &Members, after: &Members) -> Vec<Event> {
    let mut events = Vec::new();
    for (node, old) in &before.members {
        let removal = match after.members.get(node) {
            Some(new) if new.uid == old.uid => continue,
            Some(_) => Removal::Replaced,
            // They have not gone; this node went to another cluster.
            None if before.formation != after.formation => Removal::Left,
            None => after.gone.get(node).copied().unwrap_or(Removal::Downed),
        };
        events.push(Event::MemberRemoved {
            member: old.clone(),
            removal,
        });
    }
    for (node, new) in &after.members {
        let old = before.members.get(node).filter(|old| old.uid == new.uid);
        if old.map(|old| old.status) != Some(new.status) {
            events.push(match new.status {
                Status::Joining => Event::MemberJoined(new.clone()),
                Status::Up => Event::MemberUp(new.clone()),
                Status::Leaving => Event::MemberLeft(new.clone()),
                // No member has these.
                Status::Down | Status::Removed => continue,
            });
        }
        match old.is_none_or(|old| old.reachable).cmp(&new.reachable) {
            Ordering::Less => events.push(Event::ReachableMember(new.clone())),
            Ordering::Equal => {}
            Ordering::Greater => events.push(Event::UnreachableMember(new.clone())),
        }
    }
    let leader = |members: &Members| members.leader().map(|member| (member.gossip, member.uid));
    if leader(before) != leader(after) {
        events.push(Event::LeaderChanged(
            after.leader().map(|leader| leader.gossip),
        ));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::{
        super::members::tests::{member, members},
        *,
    };

    fn unreachable(mut member: Member) -> Member {
        member.reachable = false;
        member
    }

    #[track_caller]
    fn check(before: &[Member], after: &[Member], expected: &[Event]) {
        assert_eq!(events(&members(before), &members(after)), expected);
    }

    #[test]
    fn nothing_happens_between_equal_views() {
        let view = [member(1, Status::Up), unreachable(member(2, Status::Up))];
        check(&view, &view, &[]);
    }

    #[test]
    fn a_newcomer_is_up_and_may_lead() {
        let old = member(2, Status::Up);
        let new = member(1, Status::Up);
        check(
            std::slice::from_ref(&old),
            &[old.clone(), new.clone()],
            &[
                Event::MemberUp(new.clone()),
                Event::LeaderChanged(Some(new.gossip)),
            ],
        );
    }

    #[test]
    fn who_goes_without_leaving_was_taken_for_dead() {
        let (one, two) = (member(1, Status::Up), unreachable(member(2, Status::Up)));
        check(
            &[one.clone(), two.clone()],
            &[one],
            &[Event::MemberRemoved {
                member: two,
                removal: Removal::Downed,
            }],
        );
    }

    #[test]
    fn who_leaves_says_so_first() {
        let (one, up, leaving) = (
            member(1, Status::Up),
            member(2, Status::Up),
            member(2, Status::Leaving),
        );
        check(
            &[one.clone(), up],
            &[one.clone(), leaving.clone()],
            &[Event::MemberLeft(leaving.clone())],
        );
        let mut after = members(std::slice::from_ref(&one));
        after.gone.insert(leaving.gossip, Removal::Left);
        assert_eq!(
            events(&members(&[one, leaving.clone()]), &after),
            [Event::MemberRemoved {
                member: leaving,
                removal: Removal::Left,
            }]
        );
    }

    #[test]
    fn a_restarted_node_replaces_its_former_self() {
        let former = member(1, Status::Up);
        let mut now = former.clone();
        now.uid = crate::cluster::NodeUid(77);
        check(
            std::slice::from_ref(&former),
            std::slice::from_ref(&now),
            &[
                Event::MemberRemoved {
                    member: former.clone(),
                    removal: Removal::Replaced,
                },
                Event::MemberUp(now.clone()),
                Event::LeaderChanged(Some(now.gossip)),
            ],
        );
    }

    #[test]
    fn the_same_process_under_a_new_generation_is_no_event() {
        let before = member(1, Status::Up);
        let mut after = before.clone();
        after.generation += 1;
        check(&[before], &[after], &[]);
    }

    #[test]
    fn reachability_is_told_both_ways() {
        let (well, ill) = (member(1, Status::Up), unreachable(member(1, Status::Up)));
        check(
            std::slice::from_ref(&well),
            std::slice::from_ref(&ill),
            &[Event::UnreachableMember(ill.clone())],
        );
        check(
            &[ill],
            std::slice::from_ref(&well),
            &[Event::ReachableMember(well.clone())],
        );
    }
}
