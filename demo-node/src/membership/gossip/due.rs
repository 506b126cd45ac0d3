//! What falls due, apart from the protocol's own timers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::cluster::NodeUid;

/// Something to be done at its time.
#[derive(Debug)]
pub(super) enum Due {
    /// Tell a suspect that it is one, again.
    Warning(SocketAddr),
    /// Send a request again.
    Ask(Pending),
    /// Ask another cluster again whether this node may come.
    AskAcross,
    /// Be gone, having been seen leaving.
    Depart,
    /// Tell a few more that this node is gone, so many times more.
    Farewell(u32),
}

/// A request that is being repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) to: SocketAddr,
    pub(super) request: Request,
    pub(super) tries_left: u32,
}

/// What one member asks of another. It names the process, so that one that has meanwhile taken over
/// the address is left alone.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) uid: NodeUid,
    pub(super) order: Order,
}

/// What it is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Leave in good order.
    Leave,
    /// Be gone: the others have been told already.
    Down,
}
