//! The end-to-end program where it cannot do what it should: what it says, and how it ends.

use std::process::Command;

/// And cargo builds the program beside the tests for the sake of this one.
#[test]
fn a_report_that_cannot_be_written_is_named_before_anything_runs() {
    let ended = Command::new(env!("CARGO_BIN_EXE_e2e"))
        .args(["--json", "/nowhere/report.json"])
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("/nowhere/report.json"), "{said}");
    assert!(ended.stdout.is_empty(), "{said}");
}
