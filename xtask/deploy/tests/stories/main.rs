//! What users of the program go through, told as stories: what there is in the account, what they run, and what they see.
//!
//! `cloudformation/README.md` lists them under "What happens when".
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod aws;
mod change_sets;
mod changes;
mod check;
mod deployer;
mod failures;
mod formation;
mod fresh;
mod instances;
mod parameters;
mod program;
mod publishing;
mod services;
mod states;
mod watching;
