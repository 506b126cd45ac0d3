//! Planned actions, apart from the protocol's own timers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::cluster::NodeUid;

/// Something to do at a planned time.
#[derive(Debug)]
pub(super) enum Due {
    /// Tell a suspected member again that it is suspected.
    Warning(SocketAddr),
    /// Send a request again.
    Ask(Pending),
    /// Ask another cluster again whether this node may join.
    AskAcross,
    /// Go, after others have seen that this node is leaving.
    Depart,
    /// Tell a few more members that this node is gone, this many more times.
    Farewell(u32),
}

/// A request that is repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) to: SocketAddr,
    pub(super) request: Request,
    pub(super) tries_left: u32,
}

/// What one member asks of another. It names the process, so that a newer process at the same address ignores it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) uid: NodeUid,
    pub(super) order: Order,
}

/// What it must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Leave normally.
    Leave,
    /// End: the others already know.
    Down,
}
