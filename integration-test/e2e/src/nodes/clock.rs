//! A wrong wall clock for one process. No privilege is needed, and no other process sees it.
//!
//! Linux has no namespace of the wall clock, so what tells it to a program is put before the C library. That needs a program
//! that is linked dynamically, and a C compiler.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, ensure};

/// The source of what is put before the C library.
const SOURCE: &str = include_str!("clock.c");

/// What a process must be told, so that its clock is ahead by this many seconds, or behind where that is negative.
/// What is compiled for it goes to `folder`.
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
