//! `cargo xtask demo`: builds everything, then becomes the program `demo`.

use xshell::Shell;

use crate::program;

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    program::build_and_become(sh, "demo", 2)
}
