//! The page of an end-to-end run, read from a file as people do.

use std::{fs, path::Path, process::Stdio};

use e2e::{
    nodes::life::Happening,
    timeline::{
        lanes::{Known, lanes},
        lines,
        model::{Calls, Run, Scenario, Step, Trouble},
        page::page,
    },
};
use integration_test::program;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{driver::Browser, looks::PALE};

async fn open(file: &Path) -> Browser {
    let browser = Browser::open().await;
    browser.visit(&format!("file://{}", file.display())).await;
    browser
}

/// How many there are.
pub(crate) fn so_many(n: usize, what: &str) -> String {
    format!("document.querySelectorAll({what:?}).length === {n}")
}

async fn fits_and_stands_out(browser: &Browser) {
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
}

#[tokio::test]
async fn a_run_is_shown_with_its_steps_its_nodes_and_its_calls() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("run.html");
    let ended = Command::new(program("e2e").unwrap())
        .args(["--scenario", "failure", "--html"])
        .arg(&file)
        .output()
        .await
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let browser = open(&file).await;

    browser.shows(&so_many(6, ".step-row")).await;
    browser.shows(&so_many(4, ".lane")).await;
    // The one that is killed, its two fellows, and its replacement.
    browser.shows(&so_many(4, ".bars .phase.starting")).await;
    browser.shows(&so_many(1, ".bars .sign.killed")).await;
    browser.shows(&so_many(1, ".bars .sign.ended")).await;
    browser
        .shows("document.querySelectorAll('.lane')[0].querySelector('.sign.killed') !== null")
        .await;
    browser
        .shows("document.querySelectorAll('.lane')[0].querySelector('.track > .lost') !== null")
        .await;
    browser
        .shows("[...document.querySelectorAll('.lane')].slice(1).every((lane) => lane.querySelector('.phase.member'))")
        .await;
    browser
        .shows(
            "[...document.querySelectorAll('.count')].some((count) => count.innerText === '3 −1')",
        )
        .await;
    browser
        .shows("[...document.querySelectorAll('.call')].some((row) => row.innerText.includes('ListTasks') && row.querySelector('path').getAttribute('d') !== '')")
        .await;
    browser
        .shows("document.getElementById('verdict').innerText === '1 passed'")
        .await;

    // A step shows its own time, and the lines of that.
    browser
        .run("document.querySelector('.said').open = true")
        .await;
    browser
        .shows("document.querySelectorAll('.said tbody tr').length > 30")
        .await;
    // That is seconds after the step that is chosen here, however fast the cluster has formed.
    browser
        .shows("document.querySelector('.said tbody').innerText.includes('left the cluster')")
        .await;
    browser
        .run("document.querySelectorAll('.step')[1].click()")
        .await;
    browser
        .shows("document.querySelector('.step[aria-pressed=true]').innerText.includes('becomes unreachable')")
        .await;
    browser
        .shows("document.querySelector('.said tbody').innerText.includes('member does not answer')")
        .await;
    browser
        .shows("!document.querySelector('.said tbody').innerText.includes('left the cluster')")
        .await;
    browser
        .run("document.querySelector('.whole').click()")
        .await;
    browser
        .shows("document.querySelector('.whole').hidden")
        .await;

    // By the keyboard from one thing of a lane to the next, and what each is.
    let arrow = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))";
    browser
        .run("document.querySelector('.lane .bars button[tabindex=\"0\"]').focus()")
        .await;
    browser
        .shows("document.querySelector('.detail').innerText.includes('starting')")
        .await;
    browser.run(arrow).await;
    browser
        .shows("document.querySelector('.detail').innerText.includes('first lookup')")
        .await;
    browser
        .is(&so_many(1, ".lane:first-child .bars button[tabindex='0']"))
        .await;

    fits_and_stands_out(&browser).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_split_of_the_network_and_what_was_wrong_with_aws_have_their_times() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("run.html");
    let ended = Command::new(program("e2e").unwrap())
        .args(["--scenario", "partition", "--scenario", "flaky-api"])
        .arg("--html")
        .arg(&file)
        .output()
        .await
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let browser = open(&file).await;
    browser
        .run("for (const one of document.querySelectorAll('.scenario')) one.open = true")
        .await;

    browser.shows(&so_many(1, ".trouble.network")).await;
    browser
        .shows("document.querySelector('.trouble.network button').dataset.about.startsWith('network: split: orders-1, orders-2 | all others, ')")
        .await;
    // It begins when one cluster stands, and ends before the run does.
    browser
        .shows("(([bar, track]) => track.left < bar.left && bar.right < track.right - 5 && bar.width > track.width / 10)(['.trouble.network', '.trouble-row .track'].map((one) => document.querySelector(one).getBoundingClientRect()))")
        .await;
    browser
        .shows("[...document.querySelectorAll('.trouble.aws button')].some((one) => /^AWS: ListTasks: answered in pages of 3 at most, .*struck [1-9][0-9]* calls?$/.test(one.dataset.about))")
        .await;
    fits_and_stands_out(&browser).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_run_that_is_interrupted_leaves_a_page_of_what_it_has_seen() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("run.html");
    let mut run = Command::new(program("e2e").unwrap())
        .args(["--scenario", "failure", "--html"])
        .arg(&file)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(run.id().unwrap()).unwrap()).unwrap();
    let mut said = BufReader::new(run.stdout.take().unwrap()).lines();
    while let Some(line) = said.next_line().await.unwrap() {
        if line.contains("form one cluster") {
            kill_process(pid, Signal::TERM).unwrap();
        }
    }
    let status = run.wait().await.unwrap();

    assert_eq!(status.code(), Some(143));
    let browser = open(&file).await;
    browser
        .shows("document.getElementById('verdict').innerText === '1 interrupted'")
        .await;
    browser.shows(&so_many(1, ".while.seen")).await;
    browser.shows(&so_many(3, ".lane")).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

/// Says so where it is taken for markup, or for script.
const MARKUP: &str = "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u{202e}{{script}}";

/// A run of two scenarios as there are many.
pub(crate) fn usual() -> Run {
    let log = [
        json!({ "timestamp": "2026-01-01T00:00:00.2Z", "level": "INFO", "message": "listening" }),
        json!({ "timestamp": "2026-01-01T00:00:01Z", "level": "INFO", "message": "node started", "node": "cluster://orders@127.1.0.2:7355" }),
        json!({ "timestamp": "2026-01-01T00:00:02Z", "level": "INFO", "message": "waiting for contact points: 1 found, 2 needed" }),
        json!({ "timestamp": "2026-01-01T00:00:03Z", "level": "INFO", "message": "this node is a member", "cluster.id": "1262fb594e2d9a1173f9d8b1535b23b4" }),
        json!({ "timestamp": "2026-01-01T00:00:03Z", "level": "INFO", "message": "member is up", "node": "127.1.0.3:7355" }),
        json!({ "timestamp": "2026-01-01T00:00:04Z", "level": "WARN", "message": "member does not answer", "node": "127.1.0.3:7355" }),
    ];
    let log = log.map(|line| format!("{line}\n")).concat();
    let began = 1_767_225_600_000;
    let node = |name: &str, address: &str, life: &[(u64, Happening)]| Known {
        name: name.to_owned(),
        uri: Some(format!("cluster://orders@{address}:7355")),
        life: life.to_vec(),
        lines: lines::read(&log),
    };
    let ended = [(began + 4_500, Happening::Ended("exit status: 0".to_owned()))];
    let nodes = [
        node("orders-1", "127.1.0.2", &[]),
        node("orders-2", "127.1.0.3", &ended),
    ];
    let scenario = |name: &str| Scenario {
        name: name.to_owned(),
        about: "What it shows".to_owned(),
        outcome: "passed",
        why: None,
        logs: None,
        began: 0,
        took: 5_000,
        steps: vec![Step {
            what: "2 tasks form one cluster".to_owned(),
            from: 0,
            to: 4_000,
            outcome: "seen",
            instead: None,
        }],
        troubles: vec![
            Trouble {
                of: "network",
                name: "split: orders-1 | all others".to_owned(),
                struck: None,
                account: String::new(),
                from: 3_500,
                to: 4_500,
            },
            Trouble {
                of: "aws",
                name: "ListTasks: throttled, 10 % of the calls".to_owned(),
                struck: Some(1),
                account: String::new(),
                from: 500,
                to: 5_000,
            },
        ],
        lanes: lanes(&nodes, began, 5_000),
        calls: vec![Calls {
            action: "ListTasks".to_owned(),
            outcome: "answered".to_owned(),
            answered: true,
            account: String::new(),
            at: vec![1_000, 2_000],
        }],
    };
    Run {
        target: "embedded".to_owned(),
        began,
        took: 5_000,
        scenarios: vec![scenario("scale"), scenario("failure")],
    }
}

/// A run of which all texts are hostile.
pub(crate) fn hostile() -> Run {
    let log = [
        json!({ "timestamp": "2026-01-01T00:00:01Z", "level": "INFO", "message": "listening" }),
        json!({ "timestamp": "2026-01-01T00:00:02Z", "level": "WARN", "message": MARKUP, (MARKUP): MARKUP }),
        json!({ "timestamp": "2026-01-01T00:00:03Z", "level": "INFO", "message": "this node is a member", "cluster.id": MARKUP }),
        json!({ "timestamp": "2026-01-01T00:00:04Z", "level": "INFO", "message": "member is up", "node": MARKUP }),
    ];
    let log = log.map(|line| format!("{line}\n")).concat() + MARKUP;
    let began = 1_767_225_600_000;
    let node = Known {
        name: MARKUP.to_owned(),
        uri: Some(MARKUP.to_owned()),
        life: Vec::new(),
        lines: lines::read(&log),
    };
    let text = || MARKUP.to_owned();
    Run {
        target: text(),
        began,
        took: 5_000,
        scenarios: vec![Scenario {
            name: text(),
            about: text(),
            outcome: "failed",
            why: Some(text()),
            logs: Some(text()),
            began: 0,
            took: 5_000,
            steps: vec![Step {
                what: text(),
                from: 0,
                to: 4_000,
                outcome: "missed",
                instead: Some(text()),
            }],
            troubles: vec![Trouble {
                of: "aws",
                name: text(),
                struck: Some(0),
                account: text(),
                from: 0,
                to: 5_000,
            }],
            lanes: lanes(&[node], began, 5_000),
            calls: vec![Calls {
                action: text(),
                outcome: text(),
                answered: false,
                account: text(),
                at: vec![1_000],
            }],
        }],
    }
}

#[tokio::test]
async fn what_nodes_and_errors_say_is_text_whatever_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("run.html");
    fs::write(&file, page(&hostile())).unwrap();
    let browser = open(&file).await;
    browser.shows(&so_many(1, ".lane")).await;
    browser
        .run("document.querySelector('.said').open = true")
        .await;
    browser.shows(&so_many(5, ".said tbody tr")).await;

    for place in [
        "#run",
        "#overview",
        "summary h2",
        ".about",
        ".notes",
        ".step",
        ".instead",
        ".trouble-row .row-name",
        ".lane .who",
        ".lane .address",
        ".call .action",
        ".call .outcome",
        ".said td.node",
        ".said td.text",
    ] {
        let text = format!(
            "[...document.querySelectorAll({place:?})].some((e) => e.textContent.includes('<img src=x'))"
        );
        browser.is(&text).await;
    }
    browser.is(&so_many(0, "img, iframe, object")).await;
    // The data and the page's own.
    browser.is(&so_many(2, "script")).await;
    browser.is("document.title !== 'owned'").await;
    browser
        .is("!/\\u202e/.test([...document.querySelectorAll('body *:not(script)')].map((e) => e.title + e.ariaLabel + (e.dataset.about ?? '')).join())")
        .await;
    browser.is("!/\\u202e/.test(document.body.innerText)").await;
    browser
        .is("document.body.innerText.includes('{{script}}')")
        .await;
    fits_and_stands_out(&browser).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_page_that_was_tampered_with_does_not_run() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("run.html");
    let page = page(&hostile()).replace(
        "\"use strict\";",
        "\"use strict\"; document.title = 'owned';",
    );
    fs::write(&file, page).unwrap();

    let browser = open(&file).await;

    browser.is("document.title === 'End-to-end run'").await;
    let complaints = browser.complaints().await.join("\n");
    assert!(complaints.contains("script-src"), "{complaints}");
}
