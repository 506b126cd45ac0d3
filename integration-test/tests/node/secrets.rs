//! The cluster's secret is in a node's memory only as the cipher that was made of it, and whoever
//! gives it in a way in which others can read it is told.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use e2e::nodes::{node::Node, settings::Settings};
use observe::eventually::eventually;
use region::Task;
use tempfile::TempDir;

use crate::support::{CLUSTER, ORDERS, Site, demo_node, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

const SECRET: &str = "the secret that must not stay in memory";

/// Its end. glibc writes over the first 16 bytes of what is freed, and over no more.
const TRACE: &[u8] = SECRET.as_bytes().split_at(20).1;

/// So many that what is kept of them cannot all be written over by chance.
fn secrets() -> Vec<String> {
    (0..200).map(|n| format!("{n}: {SECRET}")).collect()
}

/// A member that was given the secret in its environment, on its command line or in a file.
async fn member(given: &[(&str, &str)], arguments: &[&str]) -> (Site, Node) {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let settings = given
        .iter()
        .fold(hasty(), |settings: Settings, (name, value)| {
            settings.with(name, value)
        });
    let node = site.start_with(&task, address, settings, arguments);
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    (site, node)
}

/// How often the secret stands in what the process has in memory, apart from what Linux itself has put
/// there: arguments and environment, at the far end of the first thread's stack.
fn copies(node: &Node) -> usize {
    let process = Path::new("/proc").join(node.id().unwrap().to_string());
    let maps = fs::read_to_string(process.join("maps")).unwrap();
    let memory = File::open(process.join("mem")).unwrap();
    let mut copies = 0;
    for map in maps.lines() {
        let (range, rest) = map.split_once(' ').unwrap();
        if !rest.starts_with("rw") || rest.ends_with("[stack]") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.read_exact_at(&mut bytes, from).unwrap();
        copies += bytes
            .windows(TRACE.len())
            .filter(|window| *window == TRACE)
            .count();
    }
    copies
}

fn file_with_the_secret(mode: u32) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("node.toml");
    let text = format!("[membership]\nkeys = {:?}\n", secrets());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[tokio::test]
async fn a_secret_of_the_environment_is_not_kept() {
    let secrets = secrets().join(",");
    let (_site, node) = member(&[("MEMBERSHIP_KEYS", &secrets)], &[]).await;
    assert_eq!(copies(&node), 0);
}

#[tokio::test]
async fn a_secret_of_an_environment_that_was_tidied_is_not_kept() {
    let secrets = secrets().join(",");
    let (_site, node) = member(&[("MEMBERSHIP_KEYS", &format!(" {secrets}\n"))], &[]).await;
    assert_eq!(copies(&node), 0);
}

#[tokio::test]
async fn a_secret_of_a_file_is_not_kept() {
    let (_folder, path) = file_with_the_secret(0o600);
    let (_site, node) = member(&[("MEMBERSHIP_KEYS", ""), ("CONFIG", &path)], &[]).await;
    assert_eq!(copies(&node), 0);
    assert!(!node.log().contains("can read"), "{}", node.log());
}

#[tokio::test]
async fn a_secret_of_the_command_line_is_not_kept_and_draws_a_warning() {
    let flag = format!("--membership-keys={}", secrets().join(","));
    let (_site, node) = member(&[("MEMBERSHIP_KEYS", "")], &[&flag]).await;
    assert_eq!(copies(&node), 0);
    let warning = "membership.keys is on the command line, where everybody on this host can read \
                   it: set it in the variable DEMO_NODE_MEMBERSHIP_KEYS, or in a configuration \
                   file that only this user can read";
    assert_eq!(node.log().matches(warning).count(), 1, "{}", node.log());
    assert!(!node.log().contains(SECRET), "{}", node.log());
}

#[tokio::test]
async fn a_file_that_everybody_can_read_draws_a_warning_of_every_command() {
    let site = Site::new().await;
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    for (mode, warned) in [(0o644, 1), (0o604, 1), (0o640, 0), (0o400, 0)] {
        let (_folder, path) = file_with_the_secret(mode);
        let mut environment = site.region.task_environment(&task);
        let settings = hasty().with("MEMBERSHIP_KEYS", &"").with("CONFIG", &path);
        environment.extend(settings.into_environment());
        let said = demo_node(&["lookup"], &environment).await;
        assert_eq!(said.status, Some(0), "{said:?}");
        let warning = format!(
            "membership.keys is in {path}, which everybody on this host can read: run `chmod o= {path}`"
        );
        assert_eq!(said.error.matches(&warning).count(), warned, "{said:?}");
    }
}
