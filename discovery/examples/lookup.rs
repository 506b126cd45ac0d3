//! Looks the tasks of an ECS service up, once, and prints them.
//!
//! ```sh
//! cargo run --package discovery --example lookup -- my-service my-cluster
//! ```
//!
//! Credentials and region come from where the AWS command line takes them.

use std::error::Error;

use discovery::{
    DEFAULT_RESOLVE_TIMEOUT, Discovery, Lookup,
    config::{DEFAULT_CLUSTER, Ecs, Settings},
};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let service = arguments.next().ok_or("which service?")?;
    let cluster = arguments.next().unwrap_or(DEFAULT_CLUSTER.to_owned());

    let discovery = Discovery::new(Settings::Ecs(Ecs::in_cluster(cluster))).await?;
    let resolved = discovery
        .lookup(&Lookup::new(service), DEFAULT_RESOLVE_TIMEOUT)
        .await?;

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
    Ok(())
}
