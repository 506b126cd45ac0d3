//! Runs the end-to-end scenarios; `cargo xtask e2e` builds and starts it.
//!
//! The program that nodes run is the `demo-node` next to this one, or the image with that name.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to a person"
)]

use std::{
    env,
    fs::{self, File, OpenOptions},
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
use tokio_util::sync::CancellationToken;

/// The page of the run, next to the logs if these are kept.
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
    // Before the run, to find out early if a report cannot be written.
    let json = options.json.as_deref().map(opened).transpose()?;
    let html = options.html.as_deref().map(opened).transpose()?;
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
        .context("the folder for the nodes' logs cannot be created")?;
    let program = env::current_exe()
        .context("this program's own path is unknown")?
        .with_file_name("demo-node");
    let preparing = Platform::prepare(&options, account, program, IMAGE, logs.path().to_owned());
    let mut platform = tokio::select! {
        platform = Box::pin(preparing) => platform?,
        status = interruptions.next() => return Ok(ExitCode::from(status)),
    };

    let (shown, interrupted) = shown(&options, &mut platform, &mut interruptions).await;
    // With any result.
    let cleared = clear(&platform, &mut interruptions).await;
    drop(platform);
    // Each of these is reported, even if others fail too.
    let mut failures: Vec<_> = cleared.err().into_iter().collect();
    if interrupted.is_some() && failures.is_empty() {
        eprintln!("\ninterrupted: every node was ended");
    }
    let code = match shown {
        Ok(Some(report)) => {
            print!("\n{}", report.to_text());
            if let Some(json) = json {
                let written = write_json(&report, json);
                failures.extend(written.context("the report cannot be written").err());
            }
            conclude(&report, &options, html, logs, &mut failures)
        }
        // Interrupted before there was anything to tell.
        Ok(None) => ExitCode::FAILURE,
        Err(failure) => {
            failures.insert(0, failure);
            ExitCode::FAILURE
        }
    };
    for failure in &failures {
        eprintln!("\nerror: {failure:#}");
    }
    Ok(match interrupted {
        _ if !failures.is_empty() => ExitCode::FAILURE,
        Some(status) => ExitCode::from(status),
        None => code,
    })
}

/// The report, as far as the run got, and the status of an interruption, if there was one.
async fn shown(
    options: &Options,
    platform: &mut Platform,
    interruptions: &mut Interruptions,
) -> (anyhow::Result<Option<Report>>, Option<u8>) {
    tokio::select! {
        furnished = Box::pin(platform.furnish()) => if let Err(failure) = furnished {
            return (Err(failure), None);
        },
        status = interruptions.next() => return (Ok(None), Some(status)),
    }
    let stop = CancellationToken::new();
    let mut running = Box::pin(run(options, platform, &stop));
    tokio::select! {
        report = &mut running => (Ok(Some(report)), None),
        status = interruptions.next() => {
            stop.cancel();
            (Ok(Some(running.await)), Some(status))
        }
    }
}

/// Opens it, and keeps its content until there is new content.
fn opened(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(false).open(path);
    opened.with_context(|| format!("the report cannot be written to {}", path.display()))
}

/// What was in it goes.
fn emptied(file: File) -> io::Result<File> {
    // A pipe or a device has no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Removes what the run has created; if somebody interrupts that, prints how to do it by hand.
async fn clear(platform: &Platform, interruptions: &mut Interruptions) -> anyhow::Result<()> {
    tokio::select! {
        cleared = Box::pin(platform.clear()) => cleared.context("not everything was removed"),
        _ = interruptions.next() => match platform.by_hand() {
            None => Ok(()),
            Some(commands) => bail!("interrupted: not everything was removed. By hand:\n{commands}"),
        },
    }
}

/// Writes the requested page, says where it and the kept logs are, and what to do if something failed.
fn conclude(
    report: &Report,
    options: &Options,
    html: Option<File>,
    logs: TempDir,
    failures: &mut Vec<anyhow::Error>,
) -> ExitCode {
    let failed = report.failed();
    let page = || page(&gather(report, logs.path()));
    let mut told = Vec::new();
    if let (Some(file), Some(html)) = (&options.html, html) {
        let written = emptied(html).and_then(|mut html| html.write_all(page().as_bytes()));
        match written {
            Ok(()) => told.push(format!("report: {}", file.display())),
            Err(error) => {
                let what = format!("the page cannot be written to {}", file.display());
                failures.push(anyhow::Error::from(error).context(what));
            }
        }
    }
    // Also if something else failed: then the logs are all that is left of the run.
    let keeps = options.keep || !report.passed() || !failures.is_empty();
    if keeps {
        let file = logs.path().join(PAGE);
        told.push(match fs::write(&file, page()) {
            Ok(()) => format!("report: {}", file.display()),
            Err(error) => format!("no report: {} cannot be written: {error}", file.display()),
        });
        told.push(format!("logs: {}", logs.path().display()));
        let _kept = logs.keep();
    }
    if !told.is_empty() {
        println!("\n{}", told.join("\n"));
    }
    let Some(first) = failed.first() else {
        return ExitCode::SUCCESS;
    };
    eprintln!(
        "\nerror: {} of {} {} failed. To see one alone: cargo xtask e2e --target {} --scenario {first} --keep",
        failed.len(),
        report.scenarios.len(),
        if report.scenarios.len() == 1 {
            "scenario"
        } else {
            "scenarios"
        },
        options.target
    );
    ExitCode::FAILURE
}

fn write_json(report: &Report, file: File) -> io::Result<()> {
    let mut file = emptied(file)?;
    serde_json::to_writer_pretty(&mut file, &report.to_json())?;
    writeln!(file)
}
