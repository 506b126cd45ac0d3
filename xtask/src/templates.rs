//! The CloudFormation templates as cfn-lint judges them.
//!
//! What they promise beyond that is held by the tests in integration-test/tests/templates.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::folders;

/// Another version knows other rules: then templates that were good are good no more.
const VERSION: &str = "1.58.0";

/// Fails on any finding, informational ones too.
pub(crate) fn lint(sh: &Shell) -> anyhow::Result<()> {
    let cfn_lint = cfn_lint(sh)?;
    let mut templates = sh.read_dir("cloudformation")?;
    templates.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });

    cmd!(sh, "{cfn_lint} --include-checks I -- {templates...}").run()?;
    Ok(())
}

/// The program, installed where it is missing: in a virtual environment of this repository's own.
fn cfn_lint(sh: &Shell) -> anyhow::Result<PathBuf> {
    let environment = folders::cache(sh)?.join(format!("cfn-lint-{VERSION}"));
    let cfn_lint = environment.join("bin/cfn-lint");
    if works(sh, &cfn_lint) {
        return Ok(cfn_lint);
    }

    eprintln!(
        "cfn-lint is missing: installing {VERSION} from PyPI into {}, once",
        environment.display()
    );
    let pip = environment.join("bin/pip");
    cmd!(sh, "python3 -m venv --clear {environment}")
        .run()
        .context("Python 3 with its module venv is needed (on Debian: python3-venv)")?;
    cmd!(
        sh,
        "{pip} install --quiet --disable-pip-version-check cfn-lint=={VERSION}"
    )
    .run()
    .with_context(|| format!("cfn-lint {VERSION} could not be installed"))?;
    Ok(cfn_lint)
}

/// An installation that broke off is none.
fn works(sh: &Shell, cfn_lint: &Path) -> bool {
    cmd!(sh, "{cfn_lint} --version")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok_and(|version| version.ends_with(VERSION))
}
