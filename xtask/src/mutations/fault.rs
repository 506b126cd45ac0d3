//! One fault: planted, and removed again.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail, ensure};
use xshell::{Shell, cmd};

use crate::{cargo::as_from_a_shell, folders};

/// A fault to plant.
#[derive(Debug)]
pub(super) struct Fault {
    /// What the code does with the fault.
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) was: &'static str,
    pub(super) becomes: &'static str,
    /// The tests of which at least one must fail, as a nextest filter.
    pub(super) caught_by: &'static str,
    pub(super) browser: Browser,
}

/// Whether the tests use a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Browser {
    NotNeeded,
    Needed,
}

/// `cargo nextest run` ended because tests failed, not for another reason: see its documentation, "Exit codes".
const TESTS_FAILED: i32 = 100;

impl Fault {
    fn path(&self) -> PathBuf {
        folders::root().join(self.file)
    }

    /// The code with the fault in it, and without.
    pub(super) fn plant(&self) -> anyhow::Result<(String, String)> {
        let path = self.path();
        let code = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        ensure!(
            code.matches(self.was).count() == 1,
            "{} has changed: it does not contain `{}` exactly once. Correct the fault in `xtask/src/mutations.rs`",
            self.file,
            self.was
        );
        Ok((code.replace(self.was, self.becomes), code))
    }

    pub(super) fn is_caught(&self, sh: &Shell) -> anyhow::Result<bool> {
        let (planted, code) = self.plant()?;
        let path = self.path();
        fs::write(&path, planted).with_context(|| format!("write {}", path.display()))?;
        let (tests, profile) = (self.caught_by, self.browser.profile());
        let ended = as_from_a_shell(cmd!(
            sh,
            "cargo nextest run --workspace --profile {profile} --retries 0 --status-level none --failure-output never --cargo-quiet -E {tests}"
        ))
        .quiet()
        .ignore_status()
        .output();
        fs::write(&path, code).with_context(|| format!("write {}", path.display()))?;
        let ended = ended?;
        match ended.status.code() {
            Some(0) => Ok(false),
            Some(TESTS_FAILED) => Ok(true),
            _ => {
                eprintln!("{}", String::from_utf8_lossy(&ended.stderr));
                bail!("the tests could not be run with `{}` planted", self.name);
            }
        }
    }
}

impl Browser {
    /// The nextest profile.
    fn profile(self) -> &'static str {
        match self {
            Self::NotNeeded => "default",
            Self::Needed => "browser",
        }
    }
}
