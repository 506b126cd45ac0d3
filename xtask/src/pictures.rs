//! `cargo xtask pictures`: builds everything, then becomes the program `pictures`.

use anyhow::bail;
use xshell::Shell;

use crate::{browser, program};

/// Makes the pictures of the README again, from real nodes in a real browser, in integration-test/pictures.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    if let Some(reason) = browser::unusable() {
        bail!("the pictures cannot be made: {reason}");
    }
    program::build_and_become(sh, "pictures", 2)
}
