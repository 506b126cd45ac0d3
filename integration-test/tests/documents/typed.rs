//! Commands of documents, run as they stand there, and their answers compared with those shown.
//! Only addresses and ports are others, so that tests share a machine.

use std::{env, process::Stdio};

use e2e::nodes::addresses::Addresses;
use integration_test::{
    documents::{Typed, section, shape},
    program,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

#[tokio::test]
async fn a_node_is_looked_at_as_the_readme_has_it() {
    let addresses = Addresses::claim().unwrap();
    let address = addresses.next().unwrap().to_string();
    let typed = section("README.md", "Look at a node");
    // The second block needs an account.
    let end = typed.iter().position(|typed| typed.command == "kill %1");
    let typed = &typed[..=end.unwrap()];
    // People type the next line when the node is there.
    let is_member = format!(
        "until target/debug/demo-node members --url {address}:7626 2>/dev/null | grep -q Up; do :; done"
    );

    let said = run(typed, &[("127.0.0.1", &address)], &is_member).await;

    assert_shape(&shown(typed), &said);
    // The whole answer at /bootstrap.
    assert!(
        said.iter().any(|line| line.contains(r#""phase":"member""#)),
        "{said:?}"
    );
}

#[tokio::test]
async fn the_library_is_tried_without_aws_as_its_readme_has_it() {
    let addresses = Addresses::claim().unwrap();
    let address = addresses.next().unwrap().to_string();
    let typed = section("discovery/README.md", "In your own service");
    let listens = format!("until (: </dev/tcp/{address}/4566) 2>/dev/null; do :; done");

    let said = run(&typed, &[("127.0.0.1", &address)], &listens).await;

    assert_shape(&shown(&typed), &said);
}

#[tokio::test]
async fn the_scenarios_are_told_as_the_readme_shows() {
    let typed = &section("README.md", "Run the scenarios")[0];
    let ended = Command::new(program("e2e").unwrap())
        .args(["--scenario", "failure"])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();

    // One scenario is run here, and the document shows the end of another one, too.
    let shown = typed.shown.iter().filter(|line| !line.contains("rolling"));
    let shown: Vec<_> = shown.cloned().collect();
    assert!(shown.len() < typed.shown.len());
    let said = String::from_utf8(ended.stdout).unwrap();
    let said: Vec<_> = said.lines().map(str::to_owned).collect();
    assert!(ended.status.success(), "{said:?}");
    assert_shape(&shown, &said);
}

#[tokio::test]
async fn the_playground_opens_as_the_readme_shows() {
    let typed = &section("README.md", "Play with it")[0];
    let folder = TempDir::new().unwrap();
    let mut playground = Command::new(program("demo").unwrap())
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(playground.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let last = typed.shown.last().unwrap();
    while said.last() != Some(last) {
        let line = lines.next_line().await.unwrap();
        said.push(line.unwrap_or_else(|| panic!("{said:?}")));
    }

    assert_shape(&typed.shown, &said);
    let pid = i32::try_from(playground.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    assert_eq!(playground.wait().await.unwrap().code(), Some(130));
}

/// What the commands say, one after another, as in a shell. Those that build are left out: the tests are built.
async fn run(typed: &[Typed], replaced: &[(&str, &str)], before_next: &str) -> Vec<String> {
    let mut script = String::new();
    let mut builds = 0;
    for Typed { command, .. } in typed {
        if command.starts_with("cargo build ") {
            builds += 1;
            continue;
        }
        let mut command = command.clone();
        for (shown, own) in replaced {
            command = command.replace(shown, own);
        }
        script.push_str(&command);
        script.push('\n');
        if command.ends_with('&') {
            script.push_str(before_next);
            script.push('\n');
        }
    }
    assert_eq!(builds, 1, "{typed:?}");
    let built = program("demo-node").unwrap();
    let script = script.replace(
        "target/debug",
        &built.parent().unwrap().display().to_string(),
    );

    let ended = Command::new("bash")
        .args(["-euo", "pipefail", "-m", "-c", &script])
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();

    assert!(ended.status.success(), "{script}\n{ended:?}");
    let said = String::from_utf8(ended.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

fn shown(typed: &[Typed]) -> Vec<String> {
    let lines = typed.iter().flat_map(|typed| typed.shown.iter().cloned());
    lines.collect()
}

/// Every line that is shown was said, in this order. `...` stands for what the document leaves out.
fn assert_shape(shown: &[String], said: &[String]) {
    let mut rest = said.iter();
    let mut compared = 0;
    for line in shown {
        if line == "..." || line.is_empty() {
            continue;
        }
        assert!(
            rest.any(|said| shape(said) == shape(line)),
            "no line is like `{line}` in {said:#?}"
        );
        compared += 1;
    }
    assert!(2 < compared, "{shown:?}");
}
