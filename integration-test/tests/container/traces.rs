//! What an emulator and its nodes have on this machine: it must be there, and afterwards be gone.

use std::{
    net::{SocketAddr, TcpStream},
    process::Command,
};

/// Where to look.
#[derive(Debug)]
pub(crate) struct Traces {
    network: String,
    endpoint: SocketAddr,
}

/// What is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) containers: usize,
    pub(crate) networks: usize,
    /// Somebody listens at the emulator's address.
    pub(crate) emulator: bool,
}

impl Seen {
    pub(crate) const NOTHING: Self = Self {
        containers: 0,
        networks: 0,
        emulator: false,
    };
}

impl Traces {
    pub(crate) fn new(network: &str, endpoint_url: &str) -> Self {
        let endpoint = endpoint_url.strip_prefix("http://").unwrap();
        Self {
            network: network.to_owned(),
            endpoint: endpoint.parse().unwrap(),
        }
    }

    pub(crate) fn look(&self) -> Seen {
        // Those that stand still, too. The network may be gone: then nothing is on it.
        let name = format!("name=^{}$", self.network);
        let networks = docker(&["network", "ls", "--quiet", "--filter", &name]);
        let containers = match networks.as_slice() {
            [] => Vec::new(),
            [..] => {
                let on = format!("network={}", self.network);
                docker(&["ps", "--all", "--quiet", "--filter", &on])
            }
        };
        // What MiniStack starts has labels of its own, wherever it is.
        let of = format!("label=ministack.instance={}", self.endpoint);
        let strays = docker(&["ps", "--all", "--quiet", "--filter", &of]);
        let containers: std::collections::BTreeSet<_> =
            containers.into_iter().chain(strays).collect();
        Seen {
            containers: containers.len(),
            networks: networks.len(),
            emulator: TcpStream::connect(self.endpoint).is_ok(),
        }
    }
}

fn docker(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}
