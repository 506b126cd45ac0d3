//! Whether this machine has a browser that tests can drive.
//!
//! One of these tests also needs axe-core from PyPI, installed with Python 3 and venv. It checks that itself, and is
//! skipped with the reason if it cannot be installed, unless `CI` is set.

use std::{
    io,
    process::{Command, Stdio},
};

/// The commands that must exist, and their packages in Debian.
const DRIVER: &str = "chromedriver";
const BROWSERS: [&str; 3] = ["chromium", "google-chrome", "chromium-browser"];
const REMEDY: &str = "Debian has them as chromium and chromium-driver";

/// The reason if there is none.
pub(crate) fn unusable() -> Option<String> {
    if let Err(reason) = answers(DRIVER) {
        return Some(format!("{reason}; {REMEDY}"));
    }
    let reasons: Vec<_> = BROWSERS
        .iter()
        .map_while(|browser| answers(browser).err())
        .collect();
    let none = reasons.len() == BROWSERS.len();
    none.then(|| {
        format!(
            "there is a driver but no browser: {}; {REMEDY}",
            reasons.join(", ")
        )
    })
}

fn answers(program: &str) -> Result<(), String> {
    let ended = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    match ended {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(format!("`{program}` ends with {}", ended.status)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("there is no `{program}` command"))
        }
        Err(error) => Err(format!("`{program}` cannot be started: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_answers_is_one() {
        assert_eq!(answers("true"), Ok(()));
    }

    #[test]
    fn one_that_fails_or_is_not_there_is_the_reason() {
        assert!(answers("false").unwrap_err().contains("`false` ends with"));
        let none = answers("/nowhere/browser").unwrap_err();
        assert_eq!(none, "there is no `/nowhere/browser` command");
    }
}
