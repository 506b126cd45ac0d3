//! From "who is listed" to "who is in": join the cluster that exists, or found it.
//!
//! A [`Bootstrap`] is made from [`Settings`], a [`Discovery`](discovery::Discovery) and a
//! [`Keyring`](seal::Keyring). It hands out [`Order`]s, which the service carries out with the membership of its choice,
//! and is told the service's [`Standing`]. Peers are answered by its [`Handle`], through the service's HTTP server.
//! The crate's README says what it promises, with an example.
//!
//! Discovery only says whom to ask. [`state`] decides from what those say, [`founding`] makes sure
//! that only one cluster is founded; [`coordinator`] puts them together, without IO, clock or chance of its own.
#![warn(missing_docs)]

// What names, seals and asks.
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

/// Its example is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
