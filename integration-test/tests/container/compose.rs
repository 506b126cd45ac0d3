//! The cluster of containers that the README has people start with the compose file, and the node that they kill.

use std::{env, fs, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use integration_test::documents::{root, section};
use observe::eventually::eventually;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// Containers start one after the other.
const PATIENCE: Duration = Duration::from_secs(60);

/// The beginning of the addresses in the file, and of those here: somebody may run the file as it is.
const ADDRESSES: [&str; 2] = ["10.76.26.", "10.76.27."];

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn three_containers_lose_and_regain_a_node_as_the_readme_has_it() {
    let Some(compose) = program().await else {
        eprintln!("skipped: there is neither `docker compose` nor `docker-compose`");
        return;
    };
    let folder = TempDir::new().unwrap();
    let site = Site::in_folder(folder.path(), compose);
    let typed = section("README.md", "Run it in containers");
    let mut typed = typed.iter().filter_map(|typed| {
        let said = typed.command.strip_prefix("docker compose ")?;
        said.strip_prefix("--file docker/compose.yaml ")
    });
    let mut next = || typed.next().unwrap();

    assert_eq!(site.does(next()).await, "up --detach");
    let at = site.says("port node-1 7626").await;
    let at: SocketAddr = at.trim().parse().unwrap();
    members(at, &[("Up", true); 3]).await;
    let down = next();
    assert_eq!(site.does(next()).await, "kill node-2");
    members(at, &[("Up", true), ("Up", false), ("Up", true)]).await;
    members(at, &[("Up", true); 2]).await;
    assert_eq!(site.does(next()).await, "start node-2");
    members(at, &[("Up", true); 3]).await;

    // As below in the README.
    let doctor = &section("README.md", "When something is wrong")[0].command;
    let node = site.says("ps --quiet node-2").await;
    let doctor = doctor.replace("CONTAINER", node.trim());
    let doctor: Vec<_> = doctor.split(' ').collect();
    let ended = ended(doctor[0], &doctor[1..]).await;
    assert!(
        ended.contains("WHAT TO DO FIRST") || ended.contains("FINDINGS"),
        "{ended}"
    );

    assert_eq!(site.does(down).await, "down");
    assert_eq!(typed.next(), None);
    assert_eq!(site.says("ps --quiet").await, "");
}

/// The members that the node tells of, once they are these: status and whether they are reachable, by address.
async fn members(at: SocketAddr, wanted: &[(&str, bool)]) {
    eventually(PATIENCE, async || {
        let answer = observe::http::get(at, "/cluster/members").await;
        let answer = answer.map_err(|error| error.to_string())?;
        let told: Value = serde_json::from_str(&answer.body).map_err(|e| e.to_string())?;
        let unreachable: Vec<_> = told["unreachable"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        let mut seen: Vec<_> = told["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|member| {
                let node = member["node"].as_str().unwrap_or_default();
                let is_reachable = !unreachable.iter().any(|lost| lost["node"] == node);
                (
                    node,
                    member["status"].as_str().unwrap_or_default(),
                    is_reachable,
                )
            })
            .collect();
        seen.sort_unstable();
        let seen: Vec<_> = seen
            .into_iter()
            .map(|(_, status, is)| (status, is))
            .collect();
        if seen == wanted {
            Ok(())
        } else {
            Err(told.to_string())
        }
    })
    .await
    .unwrap();
}

/// How Compose is called here: the plugin of Docker, or the older program.
async fn program() -> Option<&'static [&'static str]> {
    let ways: [&'static [&'static str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    for way in ways {
        let version = Command::new(way[0])
            .args(&way[1..])
            .arg("version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if version.await.is_ok_and(|status| status.success()) {
            return Some(way);
        }
    }
    None
}

/// The compose file with addresses, ports and a name of its own.
struct Site {
    compose: &'static [&'static str],
    file: String,
}

impl Site {
    fn in_folder(folder: &Path, compose: &'static [&'static str]) -> Self {
        let text = fs::read_to_string(root().join("docker/compose.yaml")).unwrap();
        let [there, here] = ADDRESSES;
        let mut text = text.replace(there, here);
        for port in 7626..=7628 {
            let published = format!("\"127.0.0.1:{port}:7626\"");
            assert!(text.contains(&published), "{text}");
            text = text.replace(&published, "\"127.0.0.1::7626\"");
        }
        let file = folder.join("compose.yaml");
        fs::write(&file, text).unwrap();
        Self {
            compose,
            file: file.display().to_string(),
        }
    }

    /// Has Compose do this, and gives it back.
    async fn does<'a>(&self, what: &'a str) -> &'a str {
        self.says(what).await;
        what
    }

    async fn says(&self, what: &str) -> String {
        let project = [
            "--project-name",
            "cluster-on-aws-readme",
            "--file",
            &self.file,
        ];
        let arguments: Vec<_> = self.compose[1..]
            .iter()
            .copied()
            .chain(project)
            .chain(what.split(' '))
            .collect();
        ended(self.compose[0], &arguments).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Where the test has failed.
        let _gone = std::process::Command::new(self.compose[0])
            .args(&self.compose[1..])
            .args([
                "--project-name",
                "cluster-on-aws-readme",
                "--file",
                &self.file,
            ])
            .args(["down", "--timeout", "1"])
            .output();
    }
}

async fn ended(program: &str, arguments: &[&str]) -> String {
    let ended = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", env::var_os("HOME").unwrap_or_default())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{program} {arguments:?}: {ended:?}");
    said
}
