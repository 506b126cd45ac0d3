//! What the membership promises.

mod network;
mod promises;
mod returning;
