//! Where the scenarios of a run are shown.

use std::path::PathBuf;

use super::{host::Host, ministack::Ministack, options::Target};

/// A target, prepared for a run. Dropping it ends whatever runs there.
#[derive(Debug)]
pub enum Stage {
    /// AWS is pretended by this process, which also starts the nodes.
    Pretended(Host),
    /// An emulator is told what should run, and runs it.
    Emulated(Box<Ministack>),
}

impl Stage {
    /// Prepares a run whose logs go to `logs`. Nodes are processes of `program` or containers of `image`.
    pub async fn prepare(
        target: Target,
        program: PathBuf,
        image: &str,
        logs: PathBuf,
    ) -> anyhow::Result<Self> {
        Ok(match target {
            Target::Embedded => Self::Pretended(Host::of_processes(program, logs)?),
            Target::Docker => Self::Pretended(Host::of_containers(image, logs)?),
            Target::Ministack => Self::Emulated(Box::new(Ministack::start(image, logs).await?)),
        })
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        match self {
            Self::Pretended(host) => host.logs_of(scenario),
            Self::Emulated(emulator) => emulator.logs_of(scenario),
        }
    }
}
