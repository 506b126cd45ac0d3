//! A simulated AWS region as a separate program, with one ECS service whose tasks have given addresses.
//!
//! For `docker/compose.yaml`. It starts no nodes, and its state never changes.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to a person"
)]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use region::{
    Credentials, Region, Task,
    account::{REGION, TASK_ROLE},
};
use tokio::signal::unix::{SignalKind, signal};

/// Answers, as AWS would, about an ECS service whose tasks run at these addresses.
#[derive(Debug, Parser)]
#[command(name = "region", max_term_width = 100)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "0.0.0.0:4566")]
    listen: SocketAddr,

    /// The name of the ECS cluster.
    #[arg(long, default_value = "demo")]
    cluster: String,

    /// The name of the ECS service.
    #[arg(long, default_value = "orders")]
    service: String,

    /// The address of a task of the service; give it once for each task.
    #[arg(long = "task", value_name = "ADDRESS", required = true)]
    tasks: Vec<Ipv4Addr>,

    /// The credentials that requests must be signed with: this one value is access key id, secret key and session
    /// token.
    #[arg(long, default_value = "pretended")]
    credentials: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers until it receives a signal to end.
async fn serve(options: Options) -> anyhow::Result<()> {
    // First of all: the first process of a container ignores signals unless it handles them.
    let mut interrupt = signal(SignalKind::interrupt()).context("listening to signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening to signals")?;

    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("listening on {}", options.listen))?;
    let at = listener
        .local_addr()
        .context("the port that was taken is unknown")?;
    let region = Region::start_on(listener).await;
    populate(&region, &options)?;
    println!(
        "a simulated {REGION} at {at}: {} of the service {} in the cluster {}",
        match options.tasks.len() {
            1 => "1 task".to_owned(),
            tasks => format!("{tasks} tasks"),
        },
        options.service,
        options.cluster
    );

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn populate(region: &Region, options: &Options) -> anyhow::Result<()> {
    let Options {
        cluster,
        service,
        tasks,
        credentials,
        ..
    } = options;
    let desired = u32::try_from(tasks.len()).context("that many tasks are too many")?;
    region.edit(|account| {
        account.put_service(cluster, service, desired);
        for &address in tasks {
            account.run_task(Task::of_service(cluster, service).at(address));
        }
        let credentials = Credentials {
            access_key_id: credentials.clone(),
            secret_access_key: credentials.clone(),
            session_token: credentials.clone(),
            expires_at: account.now + LASTING,
        };
        account.put_credentials(TASK_ROLE, service, credentials);
    });
    Ok(())
}

/// Longer than any demonstration.
const LASTING: Duration = Duration::from_hours(10 * 365 * 24);
