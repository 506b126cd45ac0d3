//! Where the folders are.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context;
use xshell::Shell;

/// The top folder of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package's folder is in the repository's folder")
}

/// Cargo's target folder, which contains this program.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("this program's own path is unknown")?;
    let target = this.parent().and_then(Path::parent);
    Ok(target
        .context("this program is not where cargo puts it")?
        .to_owned())
}

/// Where this repository keeps what it has installed or compiled.
pub(crate) fn cache(sh: &Shell) -> anyhow::Result<PathBuf> {
    let caches = match sh.var("XDG_CACHE_HOME") {
        Ok(caches) if !caches.is_empty() => PathBuf::from(caches),
        Ok(_) | Err(_) => {
            let home = sh.var("HOME").context("the home folder is unknown")?;
            Path::new(&home).join(".cache")
        }
    };
    Ok(caches.join("cluster-on-aws"))
}
