//! A wrong wall clock for one process, without privileges and without effect on other processes.
//!
//! Linux has no namespace for the wall clock. So a library is loaded before the C library and answers instead of it.
//! This needs a program that is linked dynamically, and a C compiler.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, ensure};

/// The source of this library.
const SOURCE: &str = include_str!("clock.c");

/// The environment that makes a process's clock ahead by this many seconds, or behind if negative. The compiled
/// library goes to `folder`.
pub fn ahead_by(seconds: i64, folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    fs::write(&source, SOURCE).with_context(|| format!("writing {}", source.display()))?;
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .context("a wrong clock needs a C compiler: cc")?;
    ensure!(
        compiled.status.success(),
        "the wrong clock cannot be compiled: {}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    Ok(BTreeMap::from([
        ("LD_PRELOAD".to_owned(), library.display().to_string()),
        ("WRONG_CLOCK_AHEAD".to_owned(), seconds.to_string()),
    ]))
}
