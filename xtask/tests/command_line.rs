//! What `cargo xtask` says before it does anything.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

use std::process::{Command, Output};

/// Those whose options this program knows; `simulate` and `measure` explain theirs themselves.
const COMMANDS: [&str; 10] = [
    "check",
    "test",
    "demo",
    "e2e",
    "mutations",
    "pictures",
    "image",
    "deploy",
    "status",
    "destroy",
];

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_help_of_every_command_fits_a_terminal() {
    let overview = String::from_utf8(xtask(&["--help"]).stdout).unwrap();
    for command in COMMANDS {
        assert!(overview.contains(&format!("\n  {command} ")), "{command}");
        let help = xtask(&[command, "--help"]);
        assert!(help.status.success(), "{command}");
        for line in String::from_utf8(help.stdout).unwrap().lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn a_wrong_option_is_named_before_anything_is_built() {
    // `test` hands on to nextest what it does not know.
    for command in COMMANDS.into_iter().filter(|command| *command != "test") {
        let ended = xtask(&[command, "--colour-of-the-sky"]);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("--colour-of-the-sky"), "{command}: {said}");
        assert!(!said.contains("Compiling"), "{command}: {said}");
    }
}
