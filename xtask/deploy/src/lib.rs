//! The stacks of a cluster in an account: deployed, shown and destroyed.
//!
//! What `cargo xtask deploy`, `status` and `destroy` do; what xtask itself must not link is here.
//! Runs no nodes: that is CloudFormation's work.
//!
//! - [`put`], [`status`], [`destroy`]: the commands
//! - [`check`]: what would stop a deployment
//! - [`plan`]: which stacks, and what would change; asks nobody
//! - [`review`]: what a deployment would do, shown before it is done
//! - [`step`]: what is done with a stack in whatever state it is; asks nobody
//! - [`image`]: the image, published
//! - [`stacks`]: CloudFormation, called and waited for
//! - [`evidence`]: what a failure leaves to be looked at, and what it most likely means
//! - [`service_roles`]: the roles that services of AWS have in an account, made before they are needed
//! - [`prices`], `quotas`: what nodes cost, and how many the account may run
//! - [`leftovers`]: what the deletion of a stack leaves behind
//! - [`logs`], [`signed`]: what nodes have said; calls that no SDK here makes
//! - [`templates`]: our templates as data, for tests and scenarios
//! - [`differences`]: where emulators are not like AWS
//! - [`account`], [`terminal`]: who is asked
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
