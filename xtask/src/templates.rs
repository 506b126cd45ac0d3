//! Checks the CloudFormation templates with cfn-lint and checkov.
//!
//! The tests in integration-test/tests/templates check everything else that the templates guarantee. cfn-guard is not
//! used: it has no built-in rules, and AWS's rules are only available from GitHub.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::folders;

mod checkov;

/// A linter from PyPI. Another version has other rules, so that good templates may fail.
struct Linter {
    name: &'static str,
    version: &'static str,
    /// What its first use costs.
    size: &'static str,
}

const CFN_LINT: Linter = Linter {
    name: "cfn-lint",
    version: "1.58.0",
    size: "some seconds",
};

const CHECKOV: Linter = Linter {
    name: "checkov",
    version: "3.3.30",
    size: "half a minute and 300 MB",
};

/// Fails on any finding of cfn-lint, also informational ones.
pub(crate) fn lint(sh: &Shell) -> anyhow::Result<()> {
    let cfn_lint = CFN_LINT.program(sh)?;
    let mut templates = sh.read_dir("cloudformation")?;
    templates.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });

    cmd!(sh, "{cfn_lint} --include-checks I -- {templates...}").run()?;
    Ok(())
}

/// Fails on any finding of checkov that is not accepted, and if an accepted one is no longer found.
pub(crate) fn secure(sh: &Shell) -> anyhow::Result<()> {
    let program = CHECKOV.program(sh)?;
    let report = cmd!(
        sh,
        "{program} --directory cloudformation --framework cloudformation --compact --quiet --skip-download --soft-fail"
    )
    // It prints colours if the environment asks for them.
    .env("ANSI_COLORS_DISABLED", "1")
    .read()?;
    checkov::judge(&report)
}

impl Linter {
    /// Installs it, if it is missing, into a virtual environment of this repository.
    fn program(&self, sh: &Shell) -> anyhow::Result<PathBuf> {
        let Self {
            name,
            version,
            size,
        } = self;
        let environment = folders::cache(sh)?.join(format!("{name}-{version}"));
        let program = environment.join("bin").join(name);
        if self.works(sh, &program) {
            return Ok(program);
        }

        eprintln!(
            "{name} is missing: installing {version} from PyPI into {}, once; this takes {size}",
            environment.display()
        );
        let pip = environment.join("bin/pip");
        cmd!(sh, "python3 -m venv --clear {environment}")
            .run()
            .context("Python 3 with its module venv is needed (on Debian: python3-venv)")?;
        cmd!(
            sh,
            "{pip} install --quiet --disable-pip-version-check {name}=={version}"
        )
        .run()
        .with_context(|| format!("{name} {version} could not be installed"))?;
        Ok(program)
    }

    /// An interrupted installation does not count.
    fn works(&self, sh: &Shell, program: &Path) -> bool {
        cmd!(sh, "{program} --version")
            .quiet()
            .ignore_stderr()
            .read()
            .is_ok_and(|version| version.ends_with(self.version))
    }
}
