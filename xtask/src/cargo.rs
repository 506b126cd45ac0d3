//! Cargo, run as from a shell.

use std::env;

use xshell::Cmd;

/// The variables with which `cargo run` describes the package of the program that it starts.
const ABOUT_THE_RUNNING_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Removes the variables that `cargo run` has set for this program.
///
/// Build scripts watch these variables (ring's does). With them, cargo would run the scripts again, and compile
/// everything that depends on them, whenever `cargo build` and `cargo xtask` alternate.
pub(crate) fn as_from_a_shell(command: Cmd<'_>) -> Cmd<'_> {
    env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| {
            ABOUT_THE_RUNNING_PACKAGE
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .fold(command, Cmd::env_remove)
}
