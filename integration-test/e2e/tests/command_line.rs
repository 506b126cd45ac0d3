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

#[test]
fn localstack_without_a_licence_and_without_python_says_what_it_needs() {
    let nothing = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_e2e"))
        .args(["--target", "localstack"])
        .env("PATH", nothing.path())
        .env_remove("LOCALSTACK_AUTH_TOKEN")
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for told in ["Python 3.11", "python3-venv", "LOCALSTACK_AUTH_TOKEN"] {
        assert!(said.contains(told), "{told} is not in {said}");
    }
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
        "has ended unexpectedly: exit status: 3",
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
    // The logs were kept, so it lies beside them, too.
    let mut beside = said
        .lines()
        .filter_map(|line| line.strip_prefix("report: "));
    let beside = PathBuf::from(beside.next_back().unwrap());
    assert_ne!(beside, wanted);
    assert!(beside.with_file_name("stuck-task").is_dir(), "{said}");
    assert_eq!(fs::read_to_string(&beside).unwrap(), page);
}

#[test]
fn an_earlier_page_stays_until_there_is_a_new_one() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let wanted = folder.path().join("run.html");
    let earlier = "earlier\n".repeat(1_000_000);
    fs::write(&wanted, &earlier).unwrap();
    let arguments = ["--html", wanted.to_str().unwrap()];
    // Nothing runs: there is no such image to be had.
    let ended = Command::new(env!("CARGO_BIN_EXE_e2e"))
        .args(["--target", "docker"])
        .args(arguments)
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(fs::read_to_string(&wanted).unwrap() == earlier, "{said}");

    with_broken_nodes(folder.path(), &arguments);
    let page = fs::read_to_string(&wanted).unwrap();
    assert!(page.ends_with("</html>\n"), "{page}");
}

#[test]
fn who_may_not_use_docker_is_told_how_to_before_anything_is_installed() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let docker = folder.path().join("docker");
    fs::write(
        &docker,
        "#!/bin/sh\necho 'connect: permission denied' >&2\nexit 1\n",
    )
    .unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    for target in ["docker", "ministack"] {
        let ended = Command::new(env!("CARGO_BIN_EXE_e2e"))
            .args(["--target", target])
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("usermod --append --groups docker"), "{said}");
        assert!(!said.contains("setting"), "{said}");
    }
}

/// Writing to it fails as to a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_does_not_take_the_logs_with_it() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let arguments = ["--json", "/dev/full", "--html", "/dev/full"];
    let ended = with_broken_nodes(folder.path(), &arguments);

    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for told in [
        "error: 1 of 1 scenario failed",
        "error: the report cannot be written: No space left",
        "error: the page cannot be written to /dev/full: No space left",
    ] {
        assert!(said.contains(told), "{told} is not in {said}");
    }
    let said = String::from_utf8_lossy(&ended.stdout);
    let logs = said.lines().find_map(|line| line.strip_prefix("logs: "));
    let logs = PathBuf::from(logs.unwrap_or_else(|| panic!("{said}")));
    assert!(logs.join("stuck-task").is_dir(), "{said}");
    assert!(logs.join("report.html").is_file(), "{said}");
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
