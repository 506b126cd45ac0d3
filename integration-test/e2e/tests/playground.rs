//! The playground as a person has it: the `demo` program with real nodes, told by HTTP what to do.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use demo_node::{
    http::{Ask, ask},
    net::Tcp,
};
use e2e::{
    local::runtime::Runtime,
    playground::{
        command::Command,
        stage::{self, Opening, Order},
        story::Story,
    },
};
use hyper::Method;
use observe::eventually::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process,
    sync::{mpsc, oneshot, watch},
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with a folder for what it leaves.
struct Playground {
    child: process::Child,
    at: SocketAddr,
    path: String,
    temporary: TempDir,
    /// Kept open: who has something to say must be able to.
    _said: Lines<BufReader<process::ChildStdout>>,
}

impl Playground {
    async fn open(nodes: &str) -> Self {
        let mut program = process::Command::new(env!("CARGO_BIN_EXE_demo"));
        program.args(["--nodes", nodes]);
        Self::of(program).await
    }

    async fn of(mut program: process::Command) -> Self {
        let temporary = TempDir::new().unwrap();
        let mut child = program
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(address) = line.trim().strip_prefix("http://") {
                break address.to_owned();
            }
        };
        let (at, path) = address.split_once('/').unwrap();
        Self {
            child,
            at: at.parse().unwrap(),
            path: format!("/{path}"),
            temporary,
            _said: lines,
        }
    }

    async fn picture(&self) -> Value {
        let path = format!("{}picture", self.path);
        let (status, body) = ask(&Tcp, self.at, Ask::get(path), PATIENCE).await.unwrap();
        assert!(status.is_success(), "{status}");
        serde_json::from_slice(&body).unwrap()
    }

    /// Waits until the page would say this, and gives what it shows.
    async fn says(&self, kind: &str) -> Value {
        let seen = eventually(PATIENCE, async || {
            let picture = self.picture().await;
            let headline = &picture["headline"];
            if headline["kind"] == kind {
                Ok(picture)
            } else {
                Err(headline.to_string())
            }
        });
        seen.await.unwrap()
    }

    async fn tell(&self, command: &Value) {
        let ask_for = Ask {
            method: Method::POST,
            body: Some(("application/json", command.to_string().into())),
            ..Ask::get(format!("{}commands", self.path))
        };
        let (status, body) = ask(&Tcp, self.at, ask_for, PATIENCE).await.unwrap();
        assert!(status.is_success(), "{}", String::from_utf8_lossy(&body));
    }

    /// Sends a signal and waits for the end. Gives the exit status.
    async fn end(&mut self, signal: Signal) -> Option<i32> {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let status = self.child.wait().await.unwrap();
        assert_eq!(status.signal(), None);
        status.code()
    }
}

/// Where the nodes of a picture answer.
fn pages(picture: &Value) -> Vec<SocketAddr> {
    let nodes = picture["nodes"].as_array().unwrap().iter();
    let pages = nodes.map(|node| node["page"].as_str().unwrap());
    pages
        .map(|page| {
            page.trim_start_matches("http://")
                .trim_end_matches('/')
                .parse()
                .unwrap()
        })
        .collect()
}

fn leader(picture: &Value) -> Option<&str> {
    let mut nodes = picture["nodes"].as_array()?.iter();
    nodes.find(|node| node["leads"] == true)?["name"].as_str()
}

#[tokio::test]
async fn whoever_kills_the_leader_sees_the_next_one_lead_and_ctrl_c_leaves_nothing_behind() {
    let mut playground = Playground::open("3").await;
    let whole = playground.says("One cluster").await;
    assert_eq!(leader(&whole), Some("orders-1"));
    let pages = pages(&whole);
    assert_eq!(pages.len(), 3);
    assert!(pages.iter().all(|page| TcpStream::connect(page).is_ok()));

    playground
        .tell(&json!({ "do": "kill", "node": "orders-1" }))
        .await;
    let lost = playground.says("A member is lost").await;
    assert_eq!(lost["nodes"][0]["life"], "ended");
    eventually(PATIENCE, async || {
        let picture = playground.picture().await;
        let leads = leader(&picture) == Some("orders-2");
        if leads {
            Ok(())
        } else {
            Err(picture["nodes"].to_string())
        }
    })
    .await
    .unwrap();
    let told = playground.picture().await["diary"].to_string();
    for text in [
        "kill orders-1",
        "orders-1 does not answer",
        "orders-2 leads",
    ] {
        assert!(told.contains(text), "{text} is not in {told}");
    }
    // One that stands still is ended, too.
    playground
        .tell(&json!({ "do": "freeze", "node": "orders-3" }))
        .await;

    assert_eq!(playground.end(Signal::INT).await, Some(130));
    assert_gone(&pages, playground.temporary.path()).await;
}

#[tokio::test]
async fn sigterm_ends_it_just_as_well_even_while_nodes_start() {
    let mut playground = Playground::open("2").await;
    let pages = eventually(PATIENCE, async || {
        let picture = playground.picture().await;
        let started = picture["nodes"]
            .as_array()
            .is_some_and(|nodes| !nodes.is_empty());
        if started {
            Ok(pages(&picture))
        } else {
            Err(picture)
        }
    });
    let pages = pages.await.unwrap();
    assert_eq!(playground.end(Signal::TERM).await, Some(143));
    assert_gone(&pages, playground.temporary.path()).await;
}

/// Who asks for processes by what they were told needs `/proc`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_that_ends_by_itself_is_told_of_and_the_playground_goes_on() {
    let mut playground = Playground::open("2").await;
    let whole = playground.says("One cluster").await;
    let process = process_at(whole["nodes"][1]["address"].as_str().unwrap());
    kill_process(process, Signal::KILL).unwrap();

    eventually(PATIENCE, async || {
        let told = playground.picture().await["diary"].to_string();
        let is_told = told.contains("orders-2 has ended unexpectedly with signal: 9");
        if is_told { Ok(()) } else { Err(told) }
    })
    .await
    .unwrap();
    // Nothing is left to be killed.
    playground.says("A member is lost").await;
    assert_eq!(playground.end(Signal::INT).await, Some(130));
}

/// The process of the node that its peers know by this address.
#[cfg(target_os = "linux")]
fn process_at(address: &str) -> Pid {
    let told = format!("DEMO_NODE_NODE_ADDRESS={address}");
    let mut processes = fs::read_dir("/proc").unwrap().map(Result::unwrap);
    let node = processes.find_map(|process| {
        let environment = fs::read(process.path().join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .any(|variable| variable == told.as_bytes())
            .then_some(())?;
        Pid::from_raw(process.file_name().to_str()?.parse().ok()?)
    });
    node.expect("it runs")
}

async fn assert_gone(pages: &[SocketAddr], temporary: &Path) {
    // A process that was killed is gone when it is next to run.
    eventually(PATIENCE, async || {
        match pages.iter().find(|page| TcpStream::connect(page).is_ok()) {
            Some(page) => Err(format!("{page} answers")),
            None => Ok(()),
        }
    })
    .await
    .unwrap();
    let left: Vec<_> = fs::read_dir(temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A browser in the terminal's group of processes would end with Ctrl-C.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_opens_the_page_is_in_a_group_of_its_own() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let seen = folder.path().join("seen");
    let opener = folder.path().join("xdg-open");
    let script = format!(
        "#!/bin/sh\nread -r stat < /proc/$$/stat\necho \"$1 $stat\" > {0}.new\nmv {0}.new {0}\n",
        seen.display()
    );
    fs::write(&opener, script).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = path.to_str().unwrap();
    let mut program = process::Command::new(env!("CARGO_BIN_EXE_demo"));
    program.args(["--nodes", "1", "--open"]);
    program.env("PATH", format!("{}:{path}", folder.path().display()));
    let mut playground = Playground::of(program).await;

    let told = eventually(PATIENCE, async || fs::read_to_string(&seen));
    let told = told.await.unwrap();
    // Address, process, name, state, parent, group.
    let told: Vec<_> = told.split(' ').collect();
    let address = format!("http://{}{}", playground.at, playground.path);
    assert_eq!((told[0], told[5]), (address.as_str(), told[1]), "{told:?}");
    assert_eq!(playground.end(Signal::INT).await, Some(130));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(["--port", &port])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let told = format!("port {port} of 127.0.0.1 is not free: choose another with --port");
    assert!(said.contains(&told), "{said}");
}

#[tokio::test]
async fn a_story_is_told_to_its_end_by_real_nodes() {
    let logs = TempDir::new().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_demo")).with_file_name("demo-node");
    let runtime = Runtime::of_processes(program, logs.path().to_owned()).unwrap();
    let (orders, ordered) = mpsc::channel(1);
    let shown = Arc::new(watch::Sender::new(Arc::from("null")));
    let seen = shown.subscribe();
    let opening = Opening {
        nodes: 0,
        pace: 0.0,
    };
    let telling = async {
        let (reply, answer) = oneshot::channel();
        let story = Story::Partition;
        let order = Order::Do(Command::Tell { story }, reply);
        orders.send(order).await.unwrap();
        answer.await.unwrap().unwrap();
        let told = eventually(PATIENCE, async || {
            let picture: Value = serde_json::from_str(&seen.borrow()).unwrap();
            let told: Vec<String> = picture["diary"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|entry| entry["text"].as_str().unwrap().to_owned())
                .collect();
            let is_over = told.iter().any(|text| text == "The end");
            if is_over {
                Ok(told)
            } else {
                Err(told.join("\n"))
            }
        });
        told.await.unwrap()
    };
    let told = tokio::select! {
        ended = Box::pin(stage::run(&runtime, opening, ordered, shown)) => {
            panic!("the stage has ended: {ended:?}")
        }
        told = Box::pin(telling) => told,
    };
    for text in [
        "split orders-4, orders-5 from the others",
        "“I am on the smaller side of a split”",
        "heal the network",
        "“I reach a majority again”",
    ] {
        assert!(
            told.iter().any(|told| told == text),
            "{text} is not in {told:?}"
        );
    }
}
