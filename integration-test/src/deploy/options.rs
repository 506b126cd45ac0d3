//! What `cargo xtask deploy`, `status` and `destroy` can be told.
//!
//! xtask compiles this file too, so that a wrong option is named before a build and not after it.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The stacks of a cluster in an AWS account.
#[derive(Debug, Clone, Parser)]
#[command(name = "deploy", max_term_width = 100)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Creates or changes the stacks.
    Deploy(Deploy),
    /// Shows them.
    Status(Status),
    /// Deletes them.
    Destroy(Destroy),
}

/// Deploys the cluster to AWS: creates its stacks, or changes them, and shows what happens.
///
/// Says first what it would do, and asks. What it creates costs money until `cargo xtask destroy`:
/// three tasks on Fargate of a quarter of a virtual CPU each; with `--network private` also the hours of VPC endpoints.
/// Credentials come from where the AWS CLI has them, except from a browser login:
/// for that, run it under `aws configure export-credentials --format env`.
#[derive(Debug, Clone, Args)]
pub struct Deploy {
    /// Where.
    #[command(flatten)]
    pub place: Place,

    /// How many nodes there should be.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub nodes: u8,

    /// The image to run, with its tag; without it, the image is built and pushed to a repository of its own.
    #[arg(long, value_name = "URI")]
    pub image: Option<String>,

    /// The network that nodes are in.
    #[arg(long, value_enum, default_value_t = Network::DefaultVpc)]
    pub network: Network,

    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Shows the stacks, the tasks, and what the nodes say of their cluster where they can be reached.
#[derive(Debug, Clone, Args)]
pub struct Status {
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Deletes the stacks, the image and the logs included. Can be repeated.
#[derive(Debug, Clone, Args)]
pub struct Destroy {
    /// Where.
    #[command(flatten)]
    pub place: Place,

    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Which cluster, and where it is.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The name of the service and of the cluster, and how the stacks' names begin.
    #[arg(long, default_value = "orders")]
    pub name: String,

    /// The AWS region [default: as the AWS CLI finds it].
    #[arg(long)]
    pub region: Option<String>,

    /// An emulator in place of AWS. For MiniStack the template is adapted.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// Which network nodes are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// The account's default VPC. Tasks have public addresses, to pull the image; nobody can reach them there.
    DefaultVpc,
    /// Private subnets without a way to the internet, with VPC endpoints.
    Private,
}

impl Place {
    /// The stack with the image.
    pub fn repository_stack(&self) -> String {
        format!("{}-repository", self.name)
    }

    /// The stack with the private subnets.
    pub fn network_stack(&self) -> String {
        format!("{}-network", self.name)
    }

    /// The stack with the service.
    pub fn service_stack(&self) -> String {
        format!("{}-service", self.name)
    }
}
