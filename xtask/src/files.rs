//! Checks how the code is divided into files: each of readable size, and no circles of imports.
//!
//! Why not `cargo modules dependencies --acyclic`: it compiles rust-analyzer first, which takes longer than
//! everything else here together. Only a little of it is needed: the paths in the files.

mod circles;
mod source;

use std::path::Path;

use anyhow::ensure;
use xshell::{Shell, cmd};

/// Lines. A file that needs more has more than one idea.
const LONGEST: usize = 600;

/// Fails on files that are too long and on circles of imports, and names all of them.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<()> {
    let listed = cmd!(
        sh,
        "git ls-files --cached --others --exclude-standard -- *.rs"
    )
    .read()?;
    let files: Vec<_> = listed
        .lines()
        .filter(|file| sh.path_exists(file))
        .map(|file| anyhow::Ok((file, sh.read_file(file)?)))
        .collect::<Result<_, _>>()?;

    let mut findings: Vec<_> = files
        .iter()
        .filter_map(|(file, text)| too_long(file, text))
        .collect();
    let folders = source_folders(&files);
    for folder in &folders {
        let of_crate = files.iter().filter_map(|(file, text)| {
            let path = Path::new(file).strip_prefix(folder).ok()?;
            Some((path, text.as_str()))
        });
        let circles = circles::find(of_crate);
        findings.extend(circles.iter().map(|circle| format!("{folder}: {circle}")));
    }
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

/// The folders with a crate's root.
fn source_folders<'a>(files: &[(&'a str, String)]) -> Vec<&'a str> {
    let roots = ["/src/lib.rs", "/src/main.rs"];
    let mut folders: Vec<_> = files
        .iter()
        .filter(|(file, _)| roots.iter().any(|root| file.ends_with(root)))
        .filter_map(|(file, _)| file.rsplit_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    folders.dedup();
    folders
}

fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONGEST).then(|| format!("{file} has {lines} lines; {LONGEST} are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_so_many_lines_and_no_more() {
        assert_eq!(too_long("a.rs", &"\n".repeat(LONGEST)), None);

        let finding = too_long("a.rs", &"\n".repeat(LONGEST + 1)).unwrap();
        assert_eq!(finding, "a.rs has 601 lines; 600 are allowed");
    }

    #[test]
    fn a_crate_with_a_library_and_a_program_is_looked_at_once() {
        let files = [
            "a/src/lib.rs",
            "a/src/main.rs",
            "a/src/x.rs",
            "b/src/main.rs",
        ];
        let files = files.map(|file| (file, String::new()));

        assert_eq!(source_folders(&files), ["a/src", "b/src"]);
    }
}
