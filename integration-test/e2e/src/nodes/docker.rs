//! Nodes as containers, on their own Docker network, or each on an island, which something else must connect.
//!
//! Uses the `docker` command, which knows where Docker is and who may use it. Each `docker run` stays in the
//! foreground: the container's output is the output of a process here, a SIGTERM to that process reaches the node,
//! and its end is the node's end.
//!
//! Only if containers run on this very machine: they are asked, and ask, at their addresses.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

/// How many networks are tried.
const ATTEMPTS: u8 = 32;

/// How many blocks of 256 addresses the smallest VPC has that our stack makes.
const VPC: u8 = 4;

/// A network, and the containers on it. Dropping it removes them all.
#[derive(Debug)]
pub struct Docker {
    /// The network's name, which is also the prefix of the containers' names.
    run: String,
    image: String,
    block: u8,
    blocks: u8,
    next: AtomicU8,
    islands: AtomicU8,
    /// How many containers were started at an address.
    started: Mutex<BTreeMap<Ipv4Addr, u16>>,
    guard: Child,
    lifeline: Option<ChildStdin>,
}

/// Containers cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// There is no `docker` command.
    #[error("start `docker {command}`; is Docker installed?")]
    NoCommand {
        /// What was to be done.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Docker does not do it.
    #[error("`docker {command}` failed: {answer}")]
    Refused {
        /// What was to be done.
        command: String,
        /// What Docker said.
        answer: String,
    },

    /// What it said cannot be written down.
    #[error("write {}", path.display())]
    Unwritten {
        /// Where to.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Docker runs elsewhere: on another machine, or in a virtual one.
    #[error(
        "listen on {gateway}, where containers would reach this process; \
         Docker must run on this machine, and this machine must run Linux"
    )]
    Elsewhere {
        /// This machine's address on the containers' network.
        gateway: Ipv4Addr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The run needs more addresses than its network has.
    #[error("this run has used all its 253 addresses")]
    UsedUp,

    /// The run needs more islands than there is room for.
    #[error("this run has used all its {ISLANDS} separate networks")]
    NoIsland,
}

impl Docker {
    /// Makes the network, for containers of `image`.
    pub fn start(image: &str) -> Result<Self, DockerError> {
        Self::start_of(image, 1)
    }

    /// Makes a network that has room for the addresses of a VPC with three subnets.
    pub fn start_as_vpc(image: &str) -> Result<Self, DockerError> {
        Self::start_of(image, VPC)
    }

    fn start_of(image: &str, blocks: u8) -> Result<Self, DockerError> {
        docker(&["image", "inspect", image])?;
        let run = format!("cluster-on-aws-e2e-{}", std::process::id());
        let block = create_network(&run, blocks)?;

        // As for processes: the guard outlives a run that cannot clean up any more.
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &run])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| DockerError::NoCommand {
                command: "ps".to_owned(),
                source,
            })?;
        let lifeline = guard.stdin.take();
        Ok(Self {
            run,
            image: image.to_owned(),
            block,
            blocks,
            next: AtomicU8::new(2),
            islands: AtomicU8::new(0),
            started: Mutex::default(),
            guard,
            lifeline,
        })
    }

    /// The network's name, which is also the label that it carries.
    pub fn name(&self) -> &str {
        &self.run
    }

    /// The network's addresses.
    pub fn cidr(&self) -> String {
        cidr(self.block, self.blocks)
    }

    /// A listener that containers reach.
    pub fn listen(&self) -> Result<TcpListener, DockerError> {
        let gateway = address(self.block, 1);
        TcpListener::bind((gateway, 0)).map_err(|source| DockerError::Elsewhere { gateway, source })
    }

    /// An address that this run has not used before.
    pub fn next(&self) -> Result<Ipv4Addr, DockerError> {
        let next = |next: u8| next.checked_add(1).filter(|&next| next < u8::MAX);
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map(|last| address(self.block, last))
            .map_err(|_full| DockerError::UsedUp)
    }

    /// A network for one container, from which it reaches only this machine.
    ///
    /// Returns the address of this machine there, and the container's. Everything that such containers tell each
    /// other goes through a listener at the former: a [`Network`](super::relay::Relay) that can be split.
    pub fn island(&self) -> Result<(Ipv4Addr, Ipv4Addr), DockerError> {
        let next = |next: u8| (next < ISLANDS).then(|| next + 1);
        let island = self
            .islands
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map_err(|_full| DockerError::NoIsland)?;
        let [base, gateway, inner] = [0, 1, 2].map(|host| self.on_island(island, host));
        docker(&[
            "network",
            "create",
            "--label",
            &self.run,
            "--subnet",
            &format!("{base}/29"),
            "--gateway",
            &gateway.to_string(),
            // Otherwise Docker would change the sender's address of relayed datagrams.
            "--opt",
            "com.docker.network.bridge.enable_ip_masquerade=false",
            &self.network_of(inner),
        ])?;
        Ok((gateway, inner))
    }

    /// Runs a container at an address until it ends, with no more privileges than on ECS. Also returns its name.
    ///
    /// If the address already has a container, the new one shares its network, as on one machine: it can only start
    /// while the first one runs.
    pub fn run_at(
        &self,
        address: Ipv4Addr,
        environment: &BTreeMap<String, String>,
    ) -> (tokio::process::Command, String) {
        let first = format!("{}-{address}", self.run);
        let nth = {
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            let started = started.entry(address).or_default();
            *started += 1;
            *started
        };
        let mut command = tokio::process::Command::new("docker");
        command.args(["run", "--rm", "--label", &self.run]);
        let name = if nth == 1 {
            command
                .args(["--network", &self.network_of(address)])
                .args(["--ip", &address.to_string()]);
            first
        } else {
            command.args(["--network", &format!("container:{first}")]);
            format!("{first}-{nth}")
        };
        command
            .args(["--name", &name])
            .args(["--read-only", "--cap-drop", "ALL"])
            .args(["--security-opt", "no-new-privileges"]);
        for (name, value) in environment {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        command.arg(&self.image);
        (command, name)
    }

    fn network_of(&self, address: Ipv4Addr) -> String {
        let [_, kind, _, last] = address.octets();
        if kind == ISLAND_ADDRESSES {
            format!("{}-{}", self.run, last / ISLAND_SIZE)
        } else {
            self.run.clone()
        }
    }

    fn on_island(&self, island: u8, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(
            10,
            ISLAND_ADDRESSES,
            self.block,
            island * ISLAND_SIZE + host,
        )
    }
}

/// For containers that something else runs on the network.
impl Docker {
    /// A container on the network that never runs. Gives its name.
    pub fn create_anchor(&self) -> Result<String, DockerError> {
        let name = format!("{}-anchor", self.run);
        docker(&[
            "create",
            "--name",
            &name,
            "--network",
            &self.run,
            &self.image,
        ])?;
        Ok(name)
    }

    /// The address of this machine that containers know as `host.docker.internal`.
    pub fn host() -> Result<Ipv4Addr, DockerError> {
        let arguments = ["network", "inspect", "bridge", "--format", BRIDGE];
        let answer = docker(&arguments)?;
        // Docker does not always name the gateway; then it is the first address of the subnet.
        let (subnet, gateway) = answer.split_once(' ').unwrap_or((&answer, ""));
        let first = |subnet: &str| {
            let base: Ipv4Addr = subnet.split('/').next()?.parse().ok()?;
            Some(Ipv4Addr::from(u32::from(base) + 1))
        };
        gateway
            .parse()
            .ok()
            .or_else(|| first(subnet))
            .ok_or_else(|| DockerError::Refused {
                command: arguments.join(" "),
                answer: format!("it has no address: {answer}"),
            })
    }

    /// A container of another image at an address of the network, until it ends.
    pub fn run_other(
        &self,
        image: &str,
        address: Ipv4Addr,
        arguments: &[&str],
    ) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("docker");
        command
            .args(["run", "--rm", "--label", &self.run, "--network", &self.run])
            .args(["--ip", &address.to_string()])
            .args(arguments)
            .arg(image);
        command
    }

    /// The containers in a state, such as `running`, and with a label: their ids, names, and the value of another
    /// label.
    pub fn containers_with(
        state: &str,
        label: &str,
        other: &str,
    ) -> Result<Vec<(String, String, String)>, DockerError> {
        let answer = docker(&[
            "ps",
            "--all",
            "--filter",
            &format!("status={state}"),
            "--filter",
            &format!("label={label}"),
            "--format",
            &format!("{{{{.ID}}}} {{{{.Names}}}} {{{{.Label \"{other}\"}}}}"),
        ])?;
        let container = |line: &str| {
            let mut parts = line.split(' ').map(str::to_owned);
            Some((parts.next()?, parts.next()?, parts.next()?))
        };
        Ok(answer.lines().filter_map(container).collect())
    }

    /// Removes a container that has ended.
    pub fn remove(container: &str) -> Result<(), DockerError> {
        docker(&["rm", container]).map(|_| ())
    }

    /// Ends a container as a power failure would.
    pub fn kill(container: &str) -> Result<(), DockerError> {
        docker(&["kill", container]).map(|_| ())
    }

    /// Saves a container's standard output and standard error; returns whether the container still exists.
    pub fn save_logs(container: &str, to: &Path) -> Result<bool, DockerError> {
        let arguments = ["logs", container];
        let command = || arguments.join(" ");
        let unwritten = |source| DockerError::Unwritten {
            path: to.to_owned(),
            source,
        };
        let output = File::create(to).map_err(unwritten)?;
        let error = output.try_clone().map_err(unwritten)?;
        let status = Command::new("docker")
            .args(arguments)
            .stdout(output)
            .stderr(error)
            .status()
            .map_err(|source| DockerError::NoCommand {
                command: command(),
                source,
            })?;
        if status.success() {
            return Ok(true);
        }
        let answer = fs::read_to_string(to).map_err(unwritten)?;
        if answer.contains("No such container") {
            fs::remove_file(to).map_err(unwritten)?;
            return Ok(false);
        }
        Err(DockerError::Refused {
            command: command(),
            answer: answer.lines().last().unwrap_or_default().to_owned(),
        })
    }
}

const BRIDGE: &str = "{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}";

impl Drop for Docker {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // Nothing is left when this returns.
        let _ = self.guard.wait();
    }
}

/// Waits until its input ends, then removes the networks and all containers on them.
///
/// Containers are killed, and then mostly disappear by themselves. Only what remains after a while is removed: Docker
/// was seen to keep a network in use for ever because of a container that was removed while it started.
const GUARD: &str = r#"
run=$1
cat > /dev/null
containers() {
    { docker ps "$@" --quiet --filter "network=$run"; docker ps "$@" --quiet --filter "label=$run"; } | sort -u
}
for attempt in $(seq 1 60); do
    running=$(containers)
    [ -z "$running" ] || docker kill $running
    left=$(containers --all)
    [ -z "$left" ] || [ "$attempt" -lt 4 ] || docker rm --force $left
    networks=$(docker network ls --quiet --filter "label=$run")
    [ -z "$left$networks" ] && exit
    [ -n "$left" ] || docker network rm $networks
    sleep 0.5
done
"#;

/// The third number of its first address. Networks of other runs may already use the first choice.
fn create_network(run: &str, blocks: u8) -> Result<u8, DockerError> {
    let [.., first] = std::process::id().to_be_bytes();
    let first = first - first % blocks;
    let mut attempts = (0..ATTEMPTS).map(|attempt| first.wrapping_add(attempt * blocks));
    loop {
        let block = attempts
            .next()
            .expect("a block is tried before none is left");
        let subnet = cidr(block, blocks);
        match docker(&[
            "network", "create", "--label", run, "--subnet", &subnet, run,
        ]) {
            Ok(_) => return Ok(block),
            Err(error) if attempts.len() == 0 => return Err(error),
            Err(error @ DockerError::NoCommand { .. }) => return Err(error),
            Err(_) => {}
        }
    }
}

/// Private addresses that neither Docker's defaults nor most networks use.
fn address(block: u8, last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 226, block, last)
}

/// The second number of islands' addresses. The owner of a block of the others also owns this one.
const ISLAND_ADDRESSES: u8 = 227;

/// The smallest network that Docker makes something of.
const ISLAND_SIZE: u8 = 8;

/// How many there is room for.
const ISLANDS: u8 = 31;

/// As many blocks of 256 addresses, a power of two, from this one on.
fn cidr(block: u8, blocks: u8) -> String {
    format!("{}/{}", address(block, 0), 24 - blocks.ilog2())
}

/// Runs `docker` and gives what it prints.
fn docker(arguments: &[&str]) -> Result<String, DockerError> {
    let output = Command::new("docker").args(arguments).output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.map_err(|source| DockerError::NoCommand {
        command: arguments.join(" "),
        source,
    })?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim().to_owned());
    }
    Err(DockerError::Refused {
        command: arguments.join(" "),
        answer: String::from_utf8_lossy(&stderr).trim().to_owned(),
    })
}
