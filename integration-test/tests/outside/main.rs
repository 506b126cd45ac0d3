//! Crates of somebody else, beside the clone and not in its workspace, with nothing but what the READMEs of the libraries
//! have them write. They are compiled as their users compile them, and what is whole runs against the pretended region.
//!
//! Not in the default profile of nextest, since others need other features than this workspace: what AWS crates need of
//! `aws-sdk-ecs` is compiled once more, for some minutes, and once. `cargo xtask test` runs it.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

use std::{
    env, fs,
    net::Ipv4Addr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
};

use region::{Region, Task, TaskArn};
use tokio::process::Command;

/// Where the READMEs have the clone.
const CLONE: &str = "cluster-on-aws";

/// Compiled as in the clone's workspace, so that what is alike is shared with it.
const WORKSPACE: &str = r#"
[workspace]
resolver = "3"
members = ["finds", "forms"]
exclude = ["cluster-on-aws"]

[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
debug = false
"#;

/// One test: cargo compiles one after the other anyway.
#[tokio::test]
async fn crates_with_nothing_but_the_readmes_compile_and_find_their_peers() {
    let target = target();
    let outside = target.join("outside");
    write(&outside);
    build(&outside, &target).await;

    let region = Region::start().await;
    let tasks = region.edit(|account| {
        account.put_service("demo", "orders", 3);
        [1, 2, 3].map(|last| {
            let address = Ipv4Addr::new(10, 0, 1, last);
            account.run_task(Task::of_service("demo", "orders").at(address))
        })
    });
    let (succeeded, said) = find(&target, &region, &tasks[1]).await;
    assert!(succeeded, "{said}");
    assert_eq!(
        said,
        "ask 10.0.1.1:7355 whether there is a cluster to join\n\
         ask 10.0.1.3:7355 whether there is a cluster to join\n\
         these are all there are, so a new cluster may be founded\n"
    );

    region.edit(|account| {
        let role = account.role_mut(region::account::TASK_ROLE);
        role.deny("ecs:ListTasks");
    });
    let (succeeded, said) = find(&target, &region, &tasks[1]).await;
    assert!(!succeeded);
    assert_eq!(said, "");
}

/// The folder that cargo builds into.
fn target() -> PathBuf {
    let test = env::current_exe().unwrap();
    // In `debug/deps` of it.
    test.ancestors().nth(3).unwrap().to_owned()
}

/// Two crates, and beside them the clone. What stays the same is not touched, so that it is not compiled again.
fn write(outside: &Path) {
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::create_dir_all(outside).unwrap();
    let link = outside.join(CLONE);
    if fs::read_link(&link).ok().as_deref() != Some(clone) {
        let _there_was_none = fs::remove_file(&link);
        symlink(clone, &link).unwrap();
    }
    put(&outside.join("Cargo.toml"), WORKSPACE);
    // No other versions than those that are here.
    put(
        &outside.join("Cargo.lock"),
        &read(&clone.join("Cargo.lock")),
    );
    for (name, readme, source) in [
        ("finds", "discovery/README.md", "main.rs"),
        ("forms", "demo-node/bootstrap/README.md", "lib.rs"),
    ] {
        let readme = read(&clone.join(readme));
        let dependencies = block(&readme, "```toml");
        let package = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{dependencies}");
        put(&outside.join(name).join("Cargo.toml"), &package);
        let program = block(&readme, "```rust,no_run");
        put(
            &outside.join(name).join("src").join(source),
            &shown(program),
        );
    }
}

/// The first of such blocks.
fn block<'a>(readme: &'a str, opening: &str) -> &'a str {
    let (_, rest) = readme.split_once(&format!("\n{opening}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// With the lines that rustdoc does not show, which make a whole of what is one only with them.
fn shown(program: &str) -> String {
    let lines = program.lines();
    lines
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
        .collect()
}

async fn build(outside: &Path, target: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Build scripts watch what cargo says of the package whose test this is, and would run again.
    for (name, _) in env::vars_os() {
        let is_of_this = |prefix| name.to_string_lossy().starts_with(prefix);
        if ["CARGO_MANIFEST_", "CARGO_PKG_"]
            .into_iter()
            .any(is_of_this)
        {
            cargo.env_remove(name);
        }
    }
    let ended = cargo
        .args(["build", "--workspace", "--offline"])
        .current_dir(outside)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status();
    assert!(ended.await.unwrap().success(), "{}", outside.display());
}

/// Runs the program of the first README in a task.
async fn find(target: &Path, region: &Region, task: &TaskArn) -> (bool, String) {
    let ended = Command::new(target.join("debug/finds"))
        .env_clear()
        .envs(region.task_environment(task))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    (
        ended.status.success(),
        String::from_utf8(ended.stdout).unwrap(),
    )
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).unwrap();
    }
}
