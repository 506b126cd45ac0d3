//! The end-to-end program where it cannot do what it should: what it says, and how it ends.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

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

/// Ends at once, and says something that would be markup elsewhere.
const BROKEN_NODE: &str = "#!/bin/sh\necho 'error: </script><b>no room</b>' >&2\nexit 3\n";

#[test]
fn a_scenario_that_fails_leaves_a_page_beside_the_logs_and_names_it() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ended = with_broken_nodes(folder.path(), &[]);

    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let line = said.lines().find_map(|line| line.strip_prefix("report: "));
    let report = PathBuf::from(line.unwrap_or_else(|| panic!("{said}")));
    assert!(report.with_file_name("stuck-task").is_dir(), "{said}");
    let page = fs::read_to_string(&report).unwrap();
    for told in [
        "orders-1",
        "has ended by itself: exit status: 3",
        "error: \\u003c/script\\u003e\\u003cb\\u003eno room",
        "Content-Security-Policy",
    ] {
        assert!(page.contains(told), "{told} is not in {page}");
    }
    assert!(!page.contains("<b>no room"));
}

#[test]
fn the_page_is_written_where_it_is_wanted() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let wanted = folder.path().join("run.html");
    let ended = with_broken_nodes(folder.path(), &["--html", wanted.to_str().unwrap()]);

    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        said.contains(&format!("\nreport: {}\n", wanted.display())),
        "{said}"
    );
    let page = fs::read_to_string(&wanted).unwrap();
    assert!(page.ends_with("</html>\n"), "{page}");
}

/// Runs a scenario whose nodes all fail.
fn with_broken_nodes(folder: &Path, arguments: &[&str]) -> Output {
    // Nodes are the program of that name beside this one.
    let e2e = folder.join("e2e");
    fs::hard_link(env!("CARGO_BIN_EXE_e2e"), &e2e).unwrap();
    let node = folder.join("demo-node");
    fs::write(&node, BROKEN_NODE).unwrap();
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).unwrap();
    Command::new(e2e)
        .args(["--scenario", "stuck-task"])
        .args(arguments)
        .env("TMPDIR", folder)
        .output()
        .unwrap()
}
