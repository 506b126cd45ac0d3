//! Joins the existing cluster among the nodes that discovery lists, or founds one with them.
//!
//! A [`Bootstrap`] is made from [`Settings`], a [`Discovery`](discovery::Discovery) and a [`Keyring`](seal::Keyring).
//! It gives [`Order`]s, which the service carries out with the membership of its choice, and the service reports its
//! [`Standing`]. The [`Handle`] answers other nodes, through the service's HTTP server. The crate's README says what
//! it guarantees, with an example.
//!
//! Discovery only says whom to ask. [`state`] decides from the answers, [`founding`] makes sure that only one cluster
//! is founded; [`coordinator`] combines them, without IO, clock or randomness of its own.
#![warn(missing_docs)]

// Names, keys and questions.
pub mod clock;
pub mod cluster;
pub mod http;
pub mod net;
pub mod seal;

// The bootstrap.
pub mod clocks;
pub mod contact;
pub mod coordinator;
pub mod expected;
pub mod founding;
mod handle;
mod machine;
pub mod minority;
pub mod pacing;
mod process;
pub mod reason;
mod run;
mod settings;
mod standing;
pub mod state;
pub mod status;
mod survey;
pub mod wire;

pub use bytes::Bytes;
pub use discovery;
pub use handle::{Handle, Refused};
pub use hyper::{Method, Response, StatusCode, Uri};
pub use machine::Machine;
pub use process::{ContactPoint, Process};
pub use rand::{Rng, rngs::StdRng};
pub use run::{Bootstrap, Order, Service};
pub use settings::Settings;
pub use standing::{Seed, Standing};
pub use tokio::sync::{mpsc, watch};
pub use tokio_util::sync::CancellationToken;

/// The README's example is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
