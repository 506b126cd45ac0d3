//! Looks the tasks of an ECS service up, once, and prints them.
//!
//! ```sh
//! cargo run --package discovery --example lookup -- my-service my-cluster
//! ```
//!
//! Credentials and region come from where the AWS command line takes them.

use std::{error::Error, process::ExitCode};

use discovery::{
    DEFAULT_RESOLVE_TIMEOUT, Discovery, Lookup, Resolved,
    config::{DEFAULT_CLUSTER, Ecs, Settings},
};

#[tokio::main]
#[expect(clippy::print_stderr, reason = "for people")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(service) = arguments.next() else {
        eprintln!("which service?");
        return ExitCode::FAILURE;
    };
    let cluster = arguments.next().unwrap_or(DEFAULT_CLUSTER.to_owned());
    match look(service, cluster).await {
        Ok(resolved) => {
            show(&resolved);
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What was attempted, then what AWS says of it.
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            eprintln!("What can be done: {}.", error.remedy());
            ExitCode::FAILURE
        }
    }
}

async fn look(service: String, cluster: String) -> Result<Resolved, discovery::Error> {
    // Made once, and asked as often as one likes: a refresh costs little.
    let discovery = Discovery::new(Settings::Ecs(Ecs::in_cluster(cluster))).await?;
    let lookup = Lookup::new(service);
    discovery.lookup(&lookup, DEFAULT_RESOLVE_TIMEOUT).await
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn show(resolved: &Resolved) {
    for target in &resolved.targets {
        println!("{}  {}", target.address, target.id);
    }
    for dropped in &resolved.dropped {
        println!("not {}: {}", dropped.id, dropped.reason);
    }
    println!("This view is {}.", resolved.completeness);
    for reason in resolved.completeness.reasons() {
        println!("  {reason}");
    }
}
