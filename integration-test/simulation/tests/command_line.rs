//! The program `simulate`, as a person starts it.

use std::process::Command;

#[test]
fn a_few_seeds_end_with_the_figures_and_status_0() {
    let ended = Command::new(env!("CARGO_BIN_EXE_simulate"))
        .args(["--seeds", "3"])
        .output()
        .unwrap();

    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("3 seeds"), "{said}");
}

#[test]
fn a_world_that_there_is_not_is_named_with_those_that_there_are() {
    let ended = Command::new(env!("CARGO_BIN_EXE_simulate"))
        .args(["--adverse", "rain"])
        .output()
        .unwrap();

    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("'rain'") && said.contains("never-ready"),
        "{said}"
    );
}
