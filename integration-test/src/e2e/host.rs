//! What all nodes of a run share: their addresses, their process group, their program, the folder of their logs.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::nodes::{addresses::Addresses, group::Group};

/// This machine, for one run.
#[derive(Debug)]
pub struct Host {
    /// One for each node.
    pub addresses: Addresses,
    /// Ends the nodes with the run.
    pub group: Group,
    /// What a node is.
    pub program: PathBuf,
    logs: PathBuf,
}

impl Host {
    /// Prepares a run whose nodes are processes of `program` and whose logs go to `logs`.
    pub fn prepare(program: PathBuf, logs: PathBuf) -> anyhow::Result<Self> {
        ensure!(
            program.exists(),
            "there is no {}: build it with `cargo build --workspace`",
            program.display()
        );
        Ok(Self {
            addresses: Addresses::claim()?,
            group: Group::start().context("starting the guard of the nodes' process group")?,
            program,
            logs,
        })
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        self.logs.join(scenario)
    }
}
