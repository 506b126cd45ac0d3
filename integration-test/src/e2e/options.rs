//! What `cargo xtask e2e` and the `e2e` binary can be told.
//!
//! xtask compiles this file too, so that a wrong option is named before a build and not after it.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Shows real clusters forming: builds everything, then runs the end-to-end scenarios.
///
/// Each scenario starts nodes, tells them no more than AWS would, and watches from outside, over HTTP,
/// that they form the cluster they should. The scenarios run side by side; at the end each says what was seen
/// and how long it took. When one fails, the last state seen and the folder with every node's log are printed,
/// and the exit status is 1.
#[derive(Debug, Clone, Parser)]
#[command(name = "e2e", max_term_width = 100)]
pub struct Options {
    /// Where the nodes run.
    #[arg(long, value_enum, default_value_t = Target::Embedded)]
    pub target: Target,

    /// Run only this scenario; can be given several times.
    #[arg(long = "scenario", value_enum, value_name = "NAME")]
    pub scenarios: Vec<Scenario>,

    /// The size of a scenario's main cluster.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=60))]
    pub nodes: u8,

    /// Write a machine-readable report to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Keep the nodes' logs even when everything passes.
    #[arg(long)]
    pub keep: bool,
}

/// How nodes come to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Processes on this machine, each with a loopback address of its own; AWS is pretended. Needs nothing but Rust.
    Embedded,
    /// Containers of the image on a network of their own; AWS is pretended. Needs Docker on Linux; builds the image first.
    Docker,
    /// Containers that the emulator MiniStack runs for a stack that CloudFormation deploys to it.
    /// Needs Docker on Linux, and Python to install MiniStack beside the build, once; builds the image first.
    Ministack,
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The tasks of an ECS service form one cluster; other services' tasks and stopped ones stay out.
    EcsService,
    /// Tagged EC2 instances form one cluster; stopped, differently tagged and filtered-out ones stay out.
    Ec2Tag,
    /// Several nodes on one EC2 instance form one cluster, told apart by port.
    Ec2Ports,
    /// Blue and green tasks of one service, told apart by tag, form two clusters that share no member.
    EcsTags,
    /// Two task sets of one service are two clusters; the green one takes over.
    EcsTaskSet,
    /// A service grows from 3 tasks to 7 and shrinks again, and stays the same cluster.
    Scale,
    /// A node is killed, seen unreachable, removed and replaced; another leaves of its own accord.
    Failure,
    /// Every node is replaced, one by one, and the cluster stays the same.
    Rolling,
    /// AWS throttles, fails, lags and lists too little while 5 nodes start at once: still exactly one cluster.
    FlakyApi,
    /// The cluster forms with the policy of the stack; without any one statement nodes say what they lack.
    LeastPrivilege,
    /// The network splits 5 nodes into 2 and 3, and heals: one cluster again, the same as before.
    Partition,
    /// A task is listed whose node never answers: the others form the cluster without it, and as fast.
    DeadNode,
    /// Two clusters of one name, founded by nodes that AWS kept apart, become one: the older.
    Merge,
}

impl Target {
    /// Its name on the command line and in reports.
    pub fn name(self) -> String {
        name_of(&self)
    }
}

impl Scenario {
    /// All, in the order they are told about.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its name on the command line and in reports.
    pub fn name(self) -> String {
        name_of(&self)
    }
}

fn name_of(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value().expect("no value is hidden");
    value.get_name().to_owned()
}
