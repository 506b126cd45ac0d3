//! The stacks of a cluster in an account: deployed, shown and destroyed.
//!
//! The code of `cargo xtask deploy`, `status` and `destroy`; xtask itself must not link it. It runs no nodes:
//! CloudFormation does that.
//!
//! - [`put`], [`status`], [`destroy`]: the commands
//! - [`check`]: what would stop a deployment
//! - [`plan`]: which stacks, and what would change; makes no calls
//! - [`review`]: what a deployment would do, shown before it does it
//! - [`step`]: what to do with a stack in each state; makes no calls
//! - [`image`]: the image, published
//! - [`stacks`]: CloudFormation, called and waited for
//! - [`evidence`]: what a failure leaves, and the most likely cause
//! - [`service_roles`]: the service-linked roles of an account, created before they are needed
//! - [`prices`], `quotas`: what nodes cost, and how many the account may run
//! - [`leftovers`]: what the deletion of a stack leaves behind
//! - [`logs`], [`signed`]: the nodes' logs; calls without an SDK
//! - [`templates`]: our templates as data, for tests and scenarios
//! - [`differences`]: how emulators differ from AWS
//! - [`account`], [`terminal`]: the account, and the person
//!
//! To add a stack: its template in `cloudformation/`, and its place among the others in [`plan`].

pub mod account;
pub mod check;
pub mod destroy;
pub mod differences;
pub mod evidence;
pub mod image;
pub mod leftovers;
pub mod logs;
pub mod plan;
pub mod prices;
pub mod put;
mod quotas;
pub mod review;
pub mod service_roles;
pub mod signed;
pub mod stacks;
pub mod status;
pub mod step;
pub mod templates;
pub mod terminal;
