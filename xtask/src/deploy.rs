//! `cargo xtask deploy`, `status` and `destroy`: builds everything, then becomes the program `deploy`.

use xshell::Shell;

use crate::e2e::become_binary;

/// Whatever was asked for: the binary has the same commands.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    become_binary(sh, "deploy", 1)
}
