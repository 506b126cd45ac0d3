//! Regularly logs, in one line, how this node sees its cluster. Metrics and alarms can be made from these lines where
//! only the log leaves the machine, as with CloudWatch.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    bootstrap::status::Status,
    membership::{Handle, Members, Rejection, Traffic},
};

/// What has happened since the node started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// Datagrams that arrived and were dropped. A node that is in no cluster drops all of them, which is not a fault.
    datagrams_rejected: u64,
    lookups_failed: u64,
}

/// Reports until stopped.
pub(super) async fn keep(
    every: Duration,
    membership: Handle,
    bootstrap: watch::Receiver<Arc<Status>>,
    stop: CancellationToken,
) {
    let mut told = Counts::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(every) => {}
        }
        let Ok(traffic) = membership.traffic().await else {
            // The membership has ended, and with it the node.
            stop.cancelled().await;
            return;
        };
        let counts = Counts::of(&traffic, &bootstrap.borrow());
        let (members, unreachable) = seen(&membership.members().borrow());
        tracing::info!(
            members,
            unreachable,
            datagrams_rejected = counts.datagrams_rejected - told.datagrams_rejected,
            lookups_failed = counts.lookups_failed - told.lookups_failed,
            "cluster report"
        );
        told = counts;
    }
}

/// How many members are up and answer, this node included, and how many do not answer. Both are zero if the node is
/// in no cluster.
fn seen(members: &Members) -> (usize, usize) {
    let up = members.up().filter(|member| member.reachable).count();
    (up, members.unreachable().count())
}

impl Counts {
    fn of(traffic: &Traffic, bootstrap: &Status) -> Self {
        let rejected = traffic.rejected.iter();
        let faults = rejected.filter(|(reason, _)| **reason != Rejection::NoCluster);
        Self {
            datagrams_rejected: faults.map(|(_, count)| count).sum(),
            lookups_failed: bootstrap.lookups.failed,
        }
    }
}
