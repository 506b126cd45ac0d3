//! Starts the nodes of a run, as processes or as containers.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
};

use anyhow::{Context, bail, ensure};
use region::Region;
use tokio::process::Command;

use crate::nodes::{addresses::Addresses, docker::Docker, group::Group, process::Process};

/// This machine, running the nodes of one run.
#[derive(Debug)]
pub struct Runtime {
    /// Ends the nodes with the run. Dropped before their addresses or their network.
    group: Group,
    form: Form,
    logs: PathBuf,
}

/// An address where nothing answers, until this is dropped.
#[derive(Debug)]
pub struct Silence {
    _accepts_none: Option<TcpListener>,
}

/// What nodes run as.
#[derive(Debug)]
enum Form {
    /// They are processes of `program`, each with a loopback address.
    Processes {
        addresses: Addresses,
        program: PathBuf,
    },
    /// They are containers.
    Containers(Docker),
}

impl Runtime {
    /// For nodes that are processes of `program`, each with a loopback address. Their logs go to `logs`.
    pub fn of_processes(program: PathBuf, logs: PathBuf) -> anyhow::Result<Self> {
        ensure!(
            program.exists(),
            "there is no {}: build it with `cargo build --workspace`",
            program.display()
        );
        let addresses = Addresses::claim()?;
        Self::of(Form::Processes { addresses, program }, logs)
    }

    /// For nodes that are containers of `image`, on their own network. Their logs go to `logs`.
    pub fn of_containers(image: &str, logs: PathBuf) -> anyhow::Result<Self> {
        Self::of(Form::Containers(Docker::start(image)?), logs)
    }

    fn of(form: Form, logs: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            group: Group::start().context("starting the guard of the nodes' process group")?,
            form,
            logs,
        })
    }

    /// An address that no node of the run has, and that none has had if possible.
    pub fn next_address(&self) -> anyhow::Result<Ipv4Addr> {
        Ok(match &self.form {
            Form::Processes { addresses, .. } => addresses.next()?,
            Form::Containers(docker) => docker.next()?,
        })
    }

    /// The network of those addresses.
    pub fn cidr(&self) -> String {
        match &self.form {
            Form::Processes { addresses, .. } => addresses.cidr(),
            Form::Containers(docker) => docker.cidr(),
        }
    }

    /// Two addresses for a node: others reach it at the first, through a relay to the second.
    pub fn next_relayed(&self) -> anyhow::Result<(Ipv4Addr, Ipv4Addr)> {
        Ok(match &self.form {
            Form::Processes { addresses, .. } => (addresses.next()?, addresses.next()?),
            Form::Containers(docker) => docker.island()?,
        })
    }

    /// This address is no longer used. For containers there are more addresses than a run needs.
    pub fn give_back(&self, address: Ipv4Addr) {
        match &self.form {
            Form::Processes { addresses, .. } => addresses.give_back(address),
            Form::Containers(_) => {}
        }
    }

    /// An empty region that nodes can reach.
    pub async fn region(&self) -> anyhow::Result<Region> {
        Ok(match &self.form {
            Form::Processes { .. } => Region::start().await,
            Form::Containers(docker) => Region::start_on(docker.listen()?).await,
        })
    }

    /// Makes connections to this address wait in vain, as for a machine that is cut off.
    pub fn silence(&self, at: SocketAddr) -> anyhow::Result<Silence> {
        let accepts_none = match &self.form {
            // The loopback would refuse at once.
            Form::Processes { .. } => {
                Some(TcpListener::bind(at).with_context(|| format!("listening at {at}"))?)
            }
            // No container has the address.
            Form::Containers(_) => None,
        };
        Ok(Silence {
            _accepts_none: accepts_none,
        })
    }

    /// Whether the AWS SDKs of nodes accept credentials from the region over plain HTTP, as from ECS: they do from a
    /// loopback address, and otherwise only from that of ECS.
    pub fn hands_out_credentials(&self) -> bool {
        match &self.form {
            Form::Processes { .. } => true,
            Form::Containers(_) => false,
        }
    }

    /// Whether nodes are containers.
    pub fn is_containers(&self) -> bool {
        match &self.form {
            Form::Processes { .. } => false,
            Form::Containers(_) => true,
        }
    }

    /// Starts a node that listens at `address`. It gets only this `environment`.
    pub fn start(
        &self,
        address: IpAddr,
        environment: &BTreeMap<String, String>,
        log: PathBuf,
    ) -> anyhow::Result<Process> {
        Ok(match &self.form {
            Form::Processes { program, .. } => {
                let mut command = Command::new(program);
                command.arg("run").env_clear().envs(environment);
                Process::start(&self.group, command, log)?
            }
            Form::Containers(docker) => {
                let IpAddr::V4(address) = address else {
                    bail!("the networks of the containers have IPv4 addresses only");
                };
                let (command, container) = docker.run_at(address, environment);
                Process::start(&self.group, command, log)?.in_container(container)
            }
        })
    }

    /// The folder for one scenario's logs.
    pub fn logs_of(&self, scenario: &str) -> PathBuf {
        self.logs.join(scenario)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

    use observe::eventually::eventually;

    use super::*;

    #[tokio::test]
    async fn a_node_knows_what_it_was_told_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        // A shell script in a node's place.
        let program = folder.path().join("node");
        fs::write(&program, "#!/bin/sh\nenv\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let logs = folder.path().to_owned();
        let runtime = Runtime::of_processes(program, logs).unwrap();

        let told = BTreeMap::from([("DEMO_NODE_LOG_LEVEL".to_owned(), "debug".to_owned())]);
        let log = folder.path().join("log");
        let address = runtime.next_address().unwrap();
        let node = runtime.start(address.into(), &told, log.clone()).unwrap();
        eventually(Duration::from_secs(10), async || {
            node.ended().ok_or("it still runs")
        })
        .await
        .unwrap();

        // The shell adds these itself.
        let log = fs::read_to_string(&log).unwrap();
        let environment: Vec<_> = log
            .lines()
            .filter(|line| {
                !line.starts_with("PWD=") && !line.starts_with("_=") && !line.starts_with("SHLVL=")
            })
            .collect();
        assert_eq!(environment, ["DEMO_NODE_LOG_LEVEL=debug"]);
    }
}
