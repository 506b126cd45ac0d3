//! The playground as a newcomer has it: nothing but its page.

use std::{process::Stdio, time::Duration};

use integration_test::program;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{driver::Browser, looks::PALE};

/// Nodes start, are missed and replaced: that takes seconds, and many on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// The program, until this is dropped.
pub(crate) struct Playground {
    pub(crate) address: String,
    _child: Child,
    _logs: TempDir,
}

impl Playground {
    pub(crate) async fn open(nodes: &str) -> Self {
        let logs = TempDir::new().unwrap();
        let mut child = Command::new(program("demo").unwrap())
            .args(["--nodes", nodes])
            .env("TMPDIR", logs.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if line.trim().starts_with("http://") {
                return Self {
                    address: line.trim().to_owned(),
                    _child: child,
                    _logs: logs,
                };
            }
        }
    }
}

pub(crate) fn says(place: &str, text: &str) -> String {
    format!("document.getElementById({place:?}).innerText.includes({text:?})")
}

#[tokio::test]
async fn a_newcomer_finds_the_leader_kills_it_and_is_told_what_happens_and_why() {
    let playground = Playground::open("3").await;
    let browser = Browser::open().await;
    browser.visit(&playground.address).await;

    browser
        .shows_within(PATIENCE, &says("doing-text", "orders-1 leads"))
        .await;
    // Once as a shape, once as a word, and once in the list.
    browser
        .shows("document.querySelectorAll('#picture .node[data-name] polygon').length === 1")
        .await;
    browser.shows(&says("nodes", "leader")).await;
    browser
        .shows("document.querySelectorAll('#picture line.both').length === 3")
        .await;
    browser
        .shows("document.querySelector('#nodes a').href.startsWith('http://127.')")
        .await;

    let kill = "[...document.querySelectorAll('#next button')].find((b) => b.checkVisibility())";
    browser
        .shows(&format!("{kill}.innerText === 'Kill the leader, orders-1'"))
        .await;
    browser.run(&format!("{kill}.click()")).await;
    browser.shows(&says("timeline", "kill orders-1")).await;
    browser
        .shows_within(PATIENCE, &says("timeline", "orders-1 does not answer"))
        .await;
    browser
        .shows("document.querySelector('#picture .node.lost .cross') !== null")
        .await;
    browser
        .shows_within(PATIENCE, &says("timeline", "orders-1 was removed"))
        .await;
    browser.shows(&says("timeline", "orders-2 leads")).await;
    browser
        .shows(&says(
            "timeline",
            "Always the member with the lowest address",
        ))
        .await;
    // ECS starts another, and all is well again.
    browser
        .shows_within(
            PATIENCE,
            &says("doing-text", "3 nodes are one cluster, and orders-2 leads"),
        )
        .await;
    assert_eq!(browser.complaints().await, [""; 0]);

    // What cannot be done is said.
    browser
        .run("fetch('commands', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((a) => a.json()).then((a) => (window.refusal = a.error))")
        .await;
    browser
        .shows("window.refusal?.includes('missing field `do`')")
        .await;
}

#[tokio::test]
async fn every_text_stands_out_and_fits_while_the_network_is_split_and_aws_refuses() {
    let playground = Playground::open("5").await;
    let browser = Browser::open().await;
    browser.visit(&playground.address).await;
    browser
        .shows_within(PATIENCE, &says("doing-text", "orders-1 leads"))
        .await;
    let press = |place: &str, text: &str| {
        format!(
            "[...document.querySelectorAll('#{place} button')].find((b) => b.innerText === {text:?}).click()"
        )
    };
    browser
        .run("document.querySelector('#troubles input').click()")
        .await;
    browser
        .run("document.querySelector('#network select').value = 'last 2'")
        .await;
    browser.run(&press("network", "Split")).await;
    browser
        .shows("document.querySelectorAll('#picture .cut polyline').length === 2")
        .await;
    browser
        .shows_within(PATIENCE, &says("nodes", "On the smaller side"))
        .await;
    for (scheme, width) in [
        ("light", 1400),
        ("dark", 1400),
        ("light", 360),
        ("dark", 360),
    ] {
        browser.looks(width, scheme).await;
        browser
            .shows(&format!("document.documentElement.scrollWidth <= {width}"))
            .await;
        let pale = browser.run(PALE).await;
        assert_eq!(pale, json!([]), "{scheme}, {width}");
    }
    // The page of a node there says it, too.
    let last = browser
        .run("return [...document.querySelectorAll('#nodes a')].filter((a) => a.port && a.port !== location.port).at(-1).href")
        .await;
    browser.visit(last.as_str().unwrap()).await;
    browser
        .shows(&says("doing", "On the smaller side of a split"))
        .await;
    browser.visit(&playground.address).await;
    browser
        .shows_within(PATIENCE, &says("nodes", "On the smaller side"))
        .await;
    browser.run(&press("network", "Heal")).await;
    browser
        .shows_within(PATIENCE, &says("doing-text", "5 nodes are one cluster"))
        .await;
    // Whatever can be clicked now can be reached by the keyboard, too.
    browser
        .is("(all => 20 < all.length && all.every((e) => { e.focus(); return e.tabIndex === 0 && document.activeElement === e; }))(\
             [...document.querySelectorAll('#main button, #main select, #main input, #main a, #main summary, #main [onclick]')].filter((e) => e.checkVisibility() && !e.disabled))")
        .await;
}
