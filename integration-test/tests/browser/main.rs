//! The page of a node in a real browser: what people see of a cluster that forms, fails and comes back, and what hostile
//! strings cannot do to them. And the page of an end-to-end run, and the playground's, by which people do all that to a
//! cluster.
//!
//! They need a browser and its driver (Debian's `chromium` and `chromium-driver`); one needs axe-core besides, which comes
//! from PyPI once (Python 3 with venv), and is left out where it cannot be had, but for `CI=true`.
//! Not in the default profile of nextest: `cargo xtask test` runs them where a browser answers.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

mod axe;
mod driver;
mod life;
mod looks;
mod nodes;
mod playground;
mod report;
mod strangers;
mod stub;
