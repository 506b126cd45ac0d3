//! Runs the end-to-end scenarios; `cargo xtask e2e` builds and starts it.
//!
//! The program that nodes run is the `demo-node` beside this one, or the image of that name.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to a person"
)]

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Parser;
use e2e::{
    platform::Platform,
    report::Report,
    run::run,
    survey::survey,
    timeline::{gather::gather, page::page},
};
use observe::signals::Interruptions;
use options::e2e::{Options, Target};
use tempfile::TempDir;

/// The run as a page, beside the logs where these are kept.
const PAGE: &str = "report.html";

/// What `cargo xtask image` builds.
const IMAGE: &str = "demo-node:latest";

#[tokio::main]
async fn main() -> ExitCode {
    match attempt(Options::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn attempt(options: Options) -> anyhow::Result<ExitCode> {
    if let Some(missing) = options.target.missing() {
        bail!("{missing}");
    }
    // Before the run: a report that cannot be written is better known now.
    let json = options.json.as_deref().map(created).transpose()?;
    let html = options.html.as_deref().map(created).transpose()?;
    let account = match options.target {
        Target::Aws => match survey(&options).await? {
            None => return Ok(ExitCode::SUCCESS),
            agreed => agreed,
        },
        Target::Embedded
        | Target::Docker
        | Target::Ministack
        | Target::Localstack
        | Target::Url(_) => None,
    };
    let mut interruptions = Interruptions::watch().context("signals cannot be watched for")?;
    let logs = tempfile::Builder::new()
        .prefix("cluster-on-aws-e2e-")
        .tempdir()
        .context("there is no room for the nodes' logs")?;
    let program = env::current_exe()
        .context("this program's own path is unknown")?
        .with_file_name("demo-node");
    let preparing = Platform::prepare(&options, account, program, IMAGE, logs.path().to_owned());
    let mut platform = tokio::select! {
        platform = Box::pin(preparing) => platform?,
        status = interruptions.next() => return Ok(ExitCode::from(status)),
    };

    let running = async {
        platform.furnish().await?;
        anyhow::Ok(run(&options, &platform).await)
    };
    let shown = tokio::select! {
        report = Box::pin(running) => Ok(report),
        status = interruptions.next() => Err(status),
    };
    // Whatever came out.
    let cleared = clear(&platform, &mut interruptions).await;
    drop(platform);
    let report = match shown {
        Ok(report) => report?,
        Err(status) => {
            cleared?;
            eprintln!(
                "\ninterrupted: every node was ended. Their logs: {}",
                logs.keep().display()
            );
            return Ok(ExitCode::from(status));
        }
    };

    print!("\n{}", report.to_text());
    if let Some(json) = json {
        write_json(&report, json).context("the report cannot be written")?;
    }
    if let Some(mut html) = html {
        let page = page(&gather(&report, logs.path()));
        html.write_all(page.as_bytes())
            .context("the page cannot be written")?;
    }
    let status = conclude(&report, &options, logs);
    cleared?;
    Ok(status)
}

fn created(path: &Path) -> anyhow::Result<File> {
    File::create(path)
        .with_context(|| format!("the report cannot be written to {}", path.display()))
}

/// Removes what is left of the run; whoever cannot wait for it is told how to.
async fn clear(platform: &Platform, interruptions: &mut Interruptions) -> anyhow::Result<()> {
    tokio::select! {
        cleared = Box::pin(platform.clear()) => cleared.context("not everything was removed"),
        _ = interruptions.next() => match platform.by_hand() {
            None => Ok(()),
            Some(commands) => bail!("interrupted: not everything was removed. By hand:\n{commands}"),
        },
    }
}

/// Says where the logs are if they are kept, and what to do if something failed.
fn conclude(report: &Report, options: &Options, logs: TempDir) -> ExitCode {
    let failed = report.failed();
    let keeps = options.keep || !failed.is_empty();
    if keeps || options.html.is_some() {
        println!();
    }
    if keeps {
        println!("logs: {}", logs.path().display());
    }
    match &options.html {
        Some(file) => println!("report: {}", file.display()),
        None if keeps => {
            let file = logs.path().join(PAGE);
            match fs::write(&file, page(&gather(report, logs.path()))) {
                Ok(()) => println!("report: {}", file.display()),
                Err(error) => println!("no report: {} cannot be written: {error}", file.display()),
            }
        }
        None => {}
    }
    if keeps {
        let _kept = logs.keep();
    }
    let Some(first) = failed.first() else {
        return ExitCode::SUCCESS;
    };
    eprintln!(
        "\nerror: {} of {} scenarios failed. To see one alone: cargo xtask e2e --target {} --scenario {first} --keep",
        failed.len(),
        report.scenarios.len(),
        options.target
    );
    ExitCode::FAILURE
}

fn write_json(report: &Report, mut file: File) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut file, &report.to_json())?;
    writeln!(file)
}
