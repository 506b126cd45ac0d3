//! A cluster to play with, in the browser; `cargo xtask demo` builds and starts it.

#![expect(clippy::print_stderr, reason = "a command line tool talks to a person")]

use std::{
    env,
    io::{self, Write as _},
    net::Ipv4Addr,
    process::{ExitCode, Stdio},
    sync::Arc,
};

use anyhow::Context;
use clap::Parser;
use demo_node::management::{Limits, serve};
use e2e::{
    local::runtime::Runtime,
    playground::{
        stage::{self, Opening},
        web::{self, Door},
    },
};
use observe::signals::Interruptions;
use options::demo::Options;
use tokio::{
    net::TcpListener,
    process::Command,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Commands that wait for the stage, which handles each at once.
const WAITING: usize = 16;

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(play(Options::parse())).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play(options: Options) -> anyhow::Result<ExitCode> {
    let mut interruptions = Interruptions::watch().context("signals cannot be watched for")?;
    let at = (Ipv4Addr::LOCALHOST, options.port.unwrap_or(0));
    let listener = TcpListener::bind(at).await.with_context(|| {
        format!(
            "port {} of 127.0.0.1 is not free: choose another with --port, or omit --port",
            at.1
        )
    })?;
    let logs = tempfile::Builder::new()
        .prefix("cluster-on-aws-demo-")
        .tempdir()
        .context("the folder for the nodes' logs cannot be created")?;
    let program = env::current_exe()
        .context("this program's own path is unknown")?
        .with_file_name("demo-node");
    let runtime = Runtime::of_processes(program, logs.path().to_owned())?;

    let (orders, ordered) = mpsc::channel(WAITING);
    let shown = Arc::new(watch::Sender::new(Arc::from("null")));
    let door = Door {
        token: web::token().context("the system gives no random bytes for a token")?,
        port: listener.local_addr()?.port(),
        orders,
        shown: Arc::clone(&shown),
    };
    let address = door.address();
    let mut serving = JoinSet::new();
    let stop = CancellationToken::new();
    serving.spawn(serve(listener, web::router(door), Limits::default(), stop));
    say(&greeting(usize::from(options.nodes), &address));
    if options.open {
        open(&address);
    }

    let opening = Opening {
        nodes: options.nodes.into(),
        pace: 1.0,
    };
    let code = tokio::select! {
        ended = Box::pin(stage::run(&runtime, opening, ordered, shown)) => {
            ended.map(|()| ExitCode::SUCCESS)
        }
        status = interruptions.next() => Ok(ExitCode::from(status)),
    };
    // The nodes end with it, before the folder of their logs is removed.
    drop(runtime);
    serving.abort_all();
    let folder = logs.path().display().to_string();
    let removed = logs.close();
    removed.with_context(|| format!("the logs cannot be removed: delete {folder} by hand"))?;
    say("All nodes have ended; nothing is left.");
    code
}

/// If the output is closed, nobody needs to read it, and the cluster can still be used.
fn say(text: &str) {
    let _closed = writeln!(io::stdout(), "\n{text}");
}

fn greeting(nodes: usize, address: &str) -> String {
    let nodes = match nodes {
        1 => "1 node".to_owned(),
        more => format!("{more} nodes"),
    };
    format!(
        "A cluster of {nodes} to play with, in your browser:\n\n    {address}\n\n\
         Try this: find out which node leads, kill it, and see what happens.\n\
         Ctrl-C ends everything."
    )
}

/// If that does not work, the person can open the address by hand.
fn open(address: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    // Not in the terminal's process group, so that a browser which this starts survives Ctrl-C. If it ends before,
    // the runtime reaps it.
    let opened = Command::new(opener)
        .arg(address)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = opened {
        eprintln!("\n`{opener}` cannot be started ({error}): open the address yourself");
    }
}
