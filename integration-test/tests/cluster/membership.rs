//! What the membership promises.

mod network;
mod promises;
mod replacing;
mod returning;
mod splits;
