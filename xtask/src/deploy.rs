//! `cargo xtask deploy`, `status` and `destroy`: builds everything, then becomes the program `deploy`.

use xshell::Shell;

use crate::program;

/// Passes on all arguments: the binary has the same commands.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    program::build_and_become(sh, "deploy", 1)
}
