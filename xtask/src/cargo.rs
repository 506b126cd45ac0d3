//! Cargo, run from here as from a shell.

use std::env;

use xshell::Cmd;

/// What `cargo run` tells the program that it starts: which package that is.
const ABOUT_THE_RUNNING_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Takes away what `cargo run` has told this program.
///
/// Build scripts watch these variables (ring's does), and cargo would run them again,
/// and compile all that depends on them, whenever `cargo build` and `cargo xtask` take turns.
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
