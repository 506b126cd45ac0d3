//! `cargo xtask deploy`, `status` and `destroy`: builds everything, then becomes the `deploy` binary of integration-test.

#[expect(
    dead_code,
    unreachable_pub,
    reason = "the file is that binary's; here its options are only checked, and its help shown"
)]
#[path = "../../integration-test/src/deploy/options.rs"]
mod options;

use xshell::Shell;

pub(crate) use self::options::{Deploy, Destroy, Status};
use crate::e2e::become_binary;

/// Whatever was asked for: the binary has the same commands.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    become_binary(sh, "deploy", 1)
}
