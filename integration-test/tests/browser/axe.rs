//! What axe-core finds fault with, which knows what people need who see, hear or move otherwise.

use std::{env, fs};

use e2e::{emulators::python::Program, timeline::page::page};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    driver::Browser,
    looks::in_trouble,
    playground::{PATIENCE, Playground, says},
    report::{hostile, so_many, usual},
    stub::{Says, Stub},
};

/// Used in tests and not shipped; its licence is the MPL 2.0. Playwright, which the package is for, is not installed.
const AXE: Program = Program {
    name: "axe",
    title: "axe-core",
    version: "0.1.8",
    packages: &["axe-playwright-python==0.1.8"],
};

const SCRIPT: &str = "axe_playwright_python/axe.min.js";

/// Each finding with its weight, and the first place of each.
const FIND: &str = "return axe.run(document, { resultTypes: ['violations'] }).then((found) => \
     found.violations.map((one) => `${one.impact}: ${one.help}: ${one.nodes[0].html}`));";

/// In both schemes, wide and narrow.
async fn finds_nothing(browser: &Browser, script: &str) {
    for (scheme, width) in [("light", 1400), ("dark", 360)] {
        browser.looks(width, scheme).await;
        let found = browser.run(script).await;
        assert_eq!(found, Value::Array(Vec::new()), "{scheme}, {width}");
    }
}

/// One test: it installs what another would install at the same time.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "what is left out is said, and CI leaves out nothing"
)]
async fn axe_finds_nothing_in_the_pages() {
    let files = match AXE.files().await {
        Ok(files) => files,
        Err(reason) => {
            // What CI leaves out nobody else looks at.
            let is_ci = env::var("CI").is_ok_and(|ci| !["", "0", "false"].contains(&ci.as_str()));
            assert!(!is_ci, "axe-core cannot judge the pages: {reason:#}");
            eprintln!("left out, axe-core cannot judge the pages: {reason:#}");
            return;
        }
    };
    let axe = fs::read_to_string(files.join(SCRIPT)).unwrap();
    let find = format!("{axe};\n{FIND}");
    let browser = Browser::open().await;

    for says in [
        Says::member_of(5, &[2]),
        Says::member_of(30, &[]),
        in_trouble(),
    ] {
        let stub = Stub::start(says).await;
        browser.go(stub.at).await;
        browser
            .shows("document.getElementById('link').dataset.state === 'live'")
            .await;
        browser.shows(&so_many(5, "#way li")).await;
        browser
            .run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            .await;
        finds_nothing(&browser, &find).await;
    }

    let playground = Playground::open("3").await;
    browser.visit(&playground.address).await;
    browser
        .shows_within(PATIENCE, &says("doing-text", "orders-1 leads"))
        .await;
    finds_nothing(&browser, &find).await;

    let folder = TempDir::new().unwrap();
    for (n, run) in [usual(), hostile()].iter().enumerate() {
        let file = folder.path().join(format!("{n}.html"));
        fs::write(&file, page(run)).unwrap();
        browser.visit(&format!("file://{}", file.display())).await;
        browser
            .run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            .await;
        browser
            .shows("document.querySelectorAll('.said tbody tr').length !== 0")
            .await;
        finds_nothing(&browser, &find).await;
    }
    // It does find something where there is something to be found.
    browser
        .run("document.querySelector('.lane button').ariaLabel = ''; document.querySelector('.lane button').textContent = ''")
        .await;
    let found = browser.run(&find).await;
    assert!(found.to_string().contains("button"), "{found}");
}
