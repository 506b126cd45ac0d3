//! Makes the README's pictures again, from real nodes and a real run; `cargo xtask pictures` builds and starts it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to a person"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

use anyhow::{Context as _, ensure};
use e2e::{
    local::{fleet::Fleet, runtime::Runtime, sandbox::Sandbox},
    nodes::settings::Settings,
};
use integration_test::webdriver::{PATIENCE, Session};
use observe::eventually::eventually;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

/// Their folder, in this package.
const FOLDER: &str = "pictures";

/// Wide enough for the picture of the members beside their table, with all of both visible.
const WIDTH: u32 = 1280;

/// A README is narrower. The playground, which shows more, is scaled down further.
const SCALE: f64 = 0.85;

/// Every clone of the repository downloads them.
const MOST_BYTES: usize = 100_000;

/// The nodes of the cluster, and how many of them start at first: too few to form it.
const NODES: usize = 5;
const FEW: usize = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    match attempt(&folder).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn attempt(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let logs = TempDir::new().context("the folder for the nodes' logs cannot be created")?;
    let browser = Session::open().await?;
    browser.looks(WIDTH, "light").await?;

    of_a_node(&browser, folder, logs.path()).await?;
    of_the_playground(&browser, folder, logs.path()).await?;
    of_a_run(&browser, folder, logs.path()).await
}

/// The page of a node that waits for others, and of the same node when all are members.
async fn of_a_node(browser: &Session, folder: &Path, logs: &Path) -> anyhow::Result<()> {
    let runtime = Runtime::of_processes(beside("demo-node")?, logs.to_owned())?;
    let sandbox = Sandbox::create(&runtime, "pictures").await?;
    let mut fleet =
        Fleet::create(&sandbox).with(Settings::default().with("MEMBERSHIP_ROLES", "api"));
    fleet.place(FEW)?;
    fleet.desire(NODES);
    fleet.start()?;
    let nodes = fleet.nodes();
    let watched = nodes.first().context("no node was started")?;
    let answers = eventually(PATIENCE, async || {
        watched.get("/alive").await.map_err(|e| format!("{e:#}"))
    });
    answers.await?;
    let page = format!("http://{}/", watched.management());

    browser.visit(&page).await?;
    for said in ["2 found, 3 needed", "all answer"] {
        let said = format!("document.body.innerText.includes({said:?})");
        browser.shows_within(PATIENCE, &said).await?;
    }
    keep(browser, folder, "forming.png", 500, SCALE).await?;

    fleet.scale_out(NODES)?;
    let formed = format!("document.querySelectorAll('#ring g.node').length === {NODES}");
    browser.shows_within(PATIENCE, &formed).await?;
    // The page refreshes these only from time to time.
    browser.visit(&page).await?;
    browser.shows_within(PATIENCE, &formed).await?;
    browser
        .shows_within(
            PATIENCE,
            "document.getElementById('link').dataset.state === 'live'",
        )
        .await?;
    keep(browser, folder, "formed.png", 890, SCALE).await
}

/// The playground's page while two of five nodes are cut off.
async fn of_the_playground(browser: &Session, folder: &Path, logs: &Path) -> anyhow::Result<()> {
    let mut playground = Command::new(beside("demo")?)
        .args(["--nodes", &NODES.to_string()])
        .env("TMPDIR", logs)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the playground cannot be started")?;
    let output = playground.stdout.take().context("no output of it")?;
    let mut lines = BufReader::new(output).lines();
    let address = loop {
        let line = lines.next_line().await.context("reading its output")?;
        let line = line.context("the playground ended before it said where it is")?;
        if line.trim().starts_with("http://") {
            break line.trim().to_owned();
        }
    };
    browser.visit(&address).await?;
    let says = |place: &str, text: &str| {
        format!("document.getElementById({place:?}).innerText.includes({text:?})")
    };
    browser
        .shows_within(PATIENCE, &says("doing-text", "orders-1 leads"))
        .await?;
    browser
        .run(
            "document.querySelector('#network select').value = 'last 2';\
             [...document.querySelectorAll('#network button')].find((b) => b.innerText === 'Split').click()",
        )
        .await?;
    for said in ["On the smaller side", "do not answer"] {
        browser.shows_within(PATIENCE, &says("nodes", said)).await?;
    }
    keep(browser, folder, "split.png", 790, 0.6).await
}

/// The page of an end-to-end run.
async fn of_a_run(browser: &Session, folder: &Path, logs: &Path) -> anyhow::Result<()> {
    let page = logs.join("run.html");
    let ended = Command::new(beside("e2e")?)
        .args(["--scenario", "failure", "--html"])
        .arg(&page)
        .output()
        .await
        .context("the end-to-end program cannot be started")?;
    ensure!(
        ended.status.success(),
        "the end-to-end run failed: {}",
        String::from_utf8_lossy(&ended.stdout)
    );
    browser.visit(&format!("file://{}", page.display())).await?;
    browser
        .shows_within(PATIENCE, "document.querySelectorAll('.lane').length === 4")
        .await?;
    keep(browser, folder, "run.png", 815, SCALE).await
}

/// Everything below `most_height` is cut off.
async fn keep(
    browser: &Session,
    folder: &Path,
    name: &str,
    most_height: u32,
    scale: f64,
) -> anyhow::Result<()> {
    let picture = browser.picture(WIDTH, most_height, scale).await?;
    let bytes = picture.len();
    ensure!(
        bytes <= MOST_BYTES,
        "{name} has {bytes} bytes, and {MOST_BYTES} are allowed: make it smaller"
    );
    let file = folder.join(name);
    fs::write(&file, picture).with_context(|| format!("writing {}", file.display()))?;
    println!("{} ({} kB)", file.display(), bytes.div_ceil(1000));
    Ok(())
}

/// Another program that was built together with this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("this program's own path is unknown")?;
    Ok(this.with_file_name(name))
}
