//! Tells the bootstrap whether this node is a member: the membership, as far as it needs to know.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    bootstrap::{ContactPoint, coordinator::Standing},
    membership::{Members, Status},
};

/// Follows the membership until stopped.
pub(super) async fn follow(
    mut members: watch::Receiver<Arc<Members>>,
    standing: watch::Sender<Standing>,
    stop: CancellationToken,
) {
    loop {
        let now = of(&members.borrow_and_update());
        standing.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
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

fn of(members: &Members) -> Standing {
    match (members.me.status, members.formation) {
        (Status::Up | Status::Leaving, Some(formation)) => Standing::Member {
            formation,
            contact_points: members
                .members
                .values()
                .map(|member| ContactPoint(member.management))
                .collect(),
        },
        _ => Standing::Outside,
    }
}
