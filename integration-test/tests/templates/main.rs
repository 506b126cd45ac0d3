//! What the CloudFormation templates promise, checked without an account.
//! Each rule is also shown to notice a template that breaks it.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod agreement;
mod grants;
mod handlers;
mod network;
mod operations;
mod permissions;
mod places;
mod readme;
mod statements;
mod support;
mod text;
mod user_data;
mod workloads;
