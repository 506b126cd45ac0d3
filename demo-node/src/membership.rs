//! Who is in the cluster, by gossip.
//!
//! [`Gossip`] is the protocol: `foca`'s SWIM, sealed, with its timers; it does no IO, reads no clock and is driven by
//! calls. [`Driver`] is the task around it that owns the socket. All other code has a [`Handle`], and reads a
//! [`Members`] value that changes.
//!
//! A node is in no cluster until it is told which one: it never founds or joins by itself. Datagrams of another
//! cluster, of strangers, and from before that moment are dropped.

mod driver;
pub mod echo;
mod environment;
mod events;
mod gossip;
mod handle;
mod identity;
mod local;
mod members;
mod settings;
#[cfg(test)]
mod testing;
mod timers;
mod traffic;
mod wire;

pub use driver::{Broken, Departure, Driver, new};
pub use environment::{Datagram, Entropy, Environment, Now};
pub use events::{Event, events};
pub use gossip::{DATAGRAM_LIMIT, Gossip, Invalid, STATE_LIMIT};
pub use handle::{Handle, MergeError, Refused};
pub use local::{Local, Timing};
pub use members::{Member, Members, Removal, Status};
pub use settings::{OnMinority, Settings};
pub use traffic::{Rejection, Traffic};
