//! Tells the bootstrap this node's standing: the part of the membership that it needs to know.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    bootstrap::{ContactPoint, Seed, Standing, minority::Reach, wire::MOST_SEED_NODES},
    membership::{Member, Members, Removal, Status},
};

/// Follows the membership until stopped.
pub(crate) async fn follow(
    mut members: watch::Receiver<Arc<Members>>,
    standing: watch::Sender<Standing>,
    stop: CancellationToken,
) {
    loop {
        let now = of(&members.borrow_and_update());
        if let Some(now) = now {
            standing.send_if_modified(|before| {
                let changed = *before != now;
                *before = now;
                changed
            });
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            changed = members.changed() => if changed.is_err() {
                // The membership has ended, and with it the node.
                stop.cancelled().await;
                return;
            },
        }
    }
}

/// The standing of a node that sees these members. None if the node has left or was removed: it must not look for a
/// cluster again.
#[must_use]
pub fn of(members: &Members) -> Option<Standing> {
    match (members.me.status, members.formation) {
        (Status::Up | Status::Leaving, Some(formation)) => Some(Standing::Member {
            formation,
            members: members
                .members
                .values()
                .map(|member| (ContactPoint(member.management), member.uid))
                .collect(),
            reach: reach(members),
            seeds: seeds(members),
        }),
        (Status::Joining, _) | (Status::Up | Status::Leaving, None) => Some(Standing::Outside),
        (Status::Down | Status::Removed, _) => None,
    }
}

/// This node comes first: nodes that ask it can reach it. A node that is not up, or no longer up, lets nobody in.
fn seeds(members: &Members) -> Vec<Seed> {
    let me = std::iter::once(&members.me);
    let others = members
        .up()
        .filter(|member| member.reachable && member.gossip != members.me.gossip);
    me.chain(others)
        .take_while(|_| members.me.status == Status::Up)
        .take(MOST_SEED_NODES)
        .map(seed)
        .collect()
}

fn seed(member: &Member) -> Seed {
    Seed {
        gossip: member.gossip,
        uid: member.uid,
        status: member.status.to_string(),
        roles: member.roles.clone(),
    }
}

fn reach(members: &Members) -> Reach {
    let unreachable = members.unreachable().count();
    let mut removals = members.gone.values();
    Reach {
        reachable: members.members.len() - unreachable,
        missing: 0 < unreachable || removals.any(|removal| *removal == Removal::Downed),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        net::SocketAddr,
        time::Duration,
    };

    use super::*;
    use crate::cluster::{ClusterId, Formation, NodeUid};

    #[tokio::test]
    async fn one_that_is_gone_does_not_look_for_a_cluster_again() {
        let (members, seen) = watch::channel(Arc::new(members(Status::Joining)));
        let (standing, mut stands) = watch::channel(Standing::Outside);
        let stop = CancellationToken::new();
        let following = follow(seen, standing, stop.clone());
        let telling = async {
            let is_member = |standing: &Standing| matches!(standing, Standing::Member { .. });
            for status in [Status::Up, Status::Leaving] {
                members.send_replace(Arc::new(self::members(status)));
                stands.wait_for(is_member).await.unwrap();
            }
            stands.mark_unchanged();
            for gone in [Status::Removed, Status::Down] {
                members.send_replace(Arc::new(self::members(gone)));
                let changed = tokio::time::timeout(Duration::from_secs(1), stands.changed());
                assert!(changed.await.is_err(), "{gone:?}: {:?}", stands.borrow());
            }
            stop.cancel();
        };
        tokio::time::pause();
        tokio::join!(following, telling);
    }

    #[test]
    fn those_that_left_are_not_missed() {
        let of = |removal: Option<Removal>| {
            let mut members = members(Status::Up);
            let gone = SocketAddr::from(([10, 0, 0, 2], 7355));
            members.gone.extend(removal.map(|removal| (gone, removal)));
            let me = members.me.clone();
            members.members.insert(me.gossip, me);
            reach(&members)
        };
        for (removal, missing) in [
            (None, false),
            (Some(Removal::Left), false),
            (Some(Removal::Replaced), false),
            (Some(Removal::Downed), true),
        ] {
            let reachable = 1;
            assert_eq!(of(removal), Reach { reachable, missing }, "{removal:?}");
        }
    }

    #[test]
    fn who_does_not_answer_is_not_reached() {
        let mut members = members(Status::Up);
        for last in 1..=3 {
            let gossip = SocketAddr::from(([10, 0, 0, last], 7355));
            let member = Member {
                gossip,
                reachable: last != 3,
                ..members.me.clone()
            };
            members.members.insert(gossip, member);
        }
        let expected = Reach {
            reachable: 2,
            missing: true,
        };
        assert_eq!(reach(&members), expected);
    }

    fn members(status: Status) -> Members {
        let node = SocketAddr::from(([10, 0, 0, 1], 7355));
        Members {
            me: Member {
                gossip: node,
                management: SocketAddr::from(([10, 0, 0, 1], 7626)),
                uid: NodeUid(1),
                generation: 1,
                roles: BTreeSet::new(),
                started_at: 0,
                version: String::new(),
                zone: None,
                status,
                reachable: true,
                observed_by: BTreeSet::new(),
            },
            formation: Some(Formation {
                id: ClusterId(1),
                founded_at: 0,
            }),
            members: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }
}
