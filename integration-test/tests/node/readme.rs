//! What the README has people type, run as it stands there; only the address is another, so that tests share a machine.

use std::{fs, path::Path, process::Stdio};

use e2e::nodes::addresses::Addresses;
use integration_test::program;
use tokio::process::Command;

/// The commands of the first block of a section, and the lines that it shows of their output.
fn block(section: &str) -> (Vec<String>, Vec<String>) {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once(&format!("\n## {section}\n")).unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let (mut commands, mut shown) = (Vec::new(), Vec::new());
    let mut goes_on = false;
    for line in block.lines() {
        let command = line.strip_prefix("$ ").or(goes_on.then_some(line));
        goes_on = command.is_some_and(|command| command.ends_with('\\'));
        match command {
            Some(command) => commands.push(command.to_owned()),
            None => shown.push(line.to_owned()),
        }
    }
    (commands, shown)
}

/// Words of the same kind in the same places: ids, addresses and times are others each time.
fn shape(line: &str) -> Vec<String> {
    let kind = |word: &str| {
        if word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit()) {
            "ID".to_owned()
        } else if word.starts_with("cluster://") {
            "NODE".to_owned()
        } else {
            word.to_owned()
        }
    };
    line.split_whitespace().map(kind).collect()
}

#[tokio::test]
async fn a_node_is_looked_at_as_the_readme_has_it() {
    let addresses = Addresses::claim().unwrap();
    let address = addresses.next().unwrap().to_string();
    let (commands, shown) = block("Look at a node");
    let build = commands.iter().filter(|line| line.starts_with("cargo "));
    assert_eq!(build.count(), 1, "{commands:?}");
    let node = program("demo-node").unwrap();
    let script: Vec<_> = commands
        .iter()
        .filter(|line| !line.starts_with("cargo "))
        .map(|line| line.replace("127.0.0.1", &address))
        .map(|line| line.replace("target/debug/demo-node", &node.display().to_string()))
        .collect();
    // People type the next line when the node is there.
    let wait = format!(
        "until {} members --url {address}:7626 2>/dev/null | grep -q Up; do :; done",
        node.display()
    );
    let script = script.join("\n").replace(
        &format!("\n{} members", node.display()),
        &format!("\n{wait}\n{} members", node.display()),
    );

    let ended = Command::new("bash")
        .args(["-euo", "pipefail", "-m", "-c", &script])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{script}\n{ended:?}");
    let said: Vec<_> = said.lines().collect();
    let from = said.iter().position(|line| line.starts_with("cluster "));
    let from = from.unwrap_or_else(|| panic!("{said:?}"));
    for (shown, said) in shown.iter().zip(&said[from..]) {
        assert_eq!(shape(shown), shape(said), "{said}");
    }
    assert_eq!(shown.len(), 6);
    // The whole answer at /bootstrap.
    assert!(
        said.iter().any(|line| line.contains(r#""phase":"member""#)),
        "{said:?}"
    );
}
