//! What `cargo xtask e2e` and the `e2e` binary can be told.

use std::{
    env, fmt,
    path::PathBuf,
    process::{Command, Stdio},
    str::FromStr,
};

use clap::{Parser, ValueEnum};

use crate::{deploy, docker};

/// What LocalStack is run from.
pub const LOCALSTACK_IMAGE: &str = "localstack/localstack:latest";

/// What it takes its licence from.
pub const LOCALSTACK_TOKEN: &str = "LOCALSTACK_AUTH_TOKEN";

/// Shows real clusters forming: builds everything, then runs the end-to-end scenarios.
///
/// Each scenario starts nodes, tells them no more than AWS would, and watches from outside, over HTTP,
/// that they form the cluster they should. The scenarios run side by side; at the end each says what was seen
/// and how long it took. When one fails, the last state seen and the folder with every node's log are printed,
/// and the exit status is 1.
#[derive(Debug, Clone, Parser)]
#[command(name = "e2e", max_term_width = 100)]
pub struct Options {
    /// Where the nodes run:
    ///
    /// embedded: processes on this machine, each with a loopback address of its own; AWS is pretended.
    /// Needs nothing but Rust.
    ///
    /// docker: containers of the image on networks of their own; AWS is pretended.
    /// Needs Docker on Linux; builds the image first.
    ///
    /// ministack: containers that the emulator MiniStack runs for stacks that CloudFormation deploys to it.
    /// Needs Docker on Linux, and Python to install MiniStack beside the build, once; builds the image first.
    ///
    /// localstack: with a licence in LOCALSTACK_AUTH_TOKEN the same, in LocalStack; needs Docker and LocalStack's image.
    /// Without a licence the scenarios of EC2 only: LocalStack's last open edition lists instances, and nodes run as
    /// processes at their addresses. Needs Python 3.11 or later, to install LocalStack beside the build, once; no Docker.
    ///
    /// http://... or https://...: an emulator that runs already; it must know the image.
    ///
    /// aws: tasks on Fargate, in the account and region that the AWS CLI would use. Costs money: says how much and asks first,
    /// and removes everything at the end.
    #[arg(long, value_name = "TARGET", default_value = "embedded")]
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

    /// Write the run as a page to this file: what each node did and saw over time, the steps beside it, calls to AWS below.
    /// Where logs are kept, as when a scenario fails, the page lies beside them anyway, also where Ctrl-C ends the run.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Keep the nodes' logs, and the run as a page, even when everything passes.
    #[arg(long)]
    pub keep: bool,

    /// The image that nodes run, with its tag [default: it is built].
    #[arg(long, value_name = "URI")]
    pub image: Option<String>,

    /// Ask the nodes of an emulator as on AWS: by a task among them, whose answer is read from its log.
    #[arg(long)]
    pub ask_from_inside: bool,

    /// The AWS region [default: as the AWS CLI finds it].
    #[arg(long)]
    pub region: Option<String>,

    /// In AWS, the role that CloudFormation does its work with: the output ServiceRoleArn of cloudformation/deployer-role.yaml,
    /// whose StackPrefix must be e2e.
    #[arg(long, value_name = "ARN", value_parser = deploy::role)]
    pub role_arn: Option<String>,

    /// In AWS, what the roles of nodes may do at most: the output PermissionsBoundaryArn of the same stack.
    #[arg(long, value_name = "ARN", value_parser = deploy::policy)]
    pub permissions_boundary: Option<String>,

    /// Do not ask before something is created in AWS.
    #[arg(long)]
    pub yes: bool,
}

/// How nodes come to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// As processes; AWS is pretended.
    Embedded,
    /// As containers; AWS is pretended.
    Docker,
    /// MiniStack, started for the run, runs them.
    Ministack,
    /// LocalStack, started for the run, runs them; without a licence it lists instances, and nodes run as processes.
    Localstack,
    /// AWS runs them.
    Aws,
    /// The emulator at this URL runs them.
    Url(String),
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
    /// The tasks of two ECS services, each in an ECS cluster of its own, form one cluster.
    TwoServices,
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
    /// Tasks that have IPv6 addresses only form one cluster, without a setting for it.
    Ipv6,
    /// Two clusters of one name, founded by nodes that AWS kept apart, become one: the older.
    Merge,
    /// A task is listed that never gets an address, so that no list is complete: the others form the cluster without it.
    StuckTask,
    /// A node's clock is wrong: the others name it and form the cluster without it.
    WrongClock,
}

impl Options {
    /// The scenarios that were asked for, in the order they are told about.
    pub fn chosen(&self) -> impl Iterator<Item = Scenario> {
        let all = Scenario::all().iter().copied();
        all.filter(|scenario| self.scenarios.is_empty() || self.scenarios.contains(scenario))
    }
}

impl Target {
    /// What the target needs and is not there, and how to get it; asked before anything is built or started.
    pub fn missing(&self) -> Option<String> {
        match self {
            Self::Embedded | Self::Aws | Self::Url(_) => None,
            Self::Docker | Self::Ministack => docker::missing(),
            Self::Localstack if has_localstack_token() => {
                if let Some(missing) = docker::missing() {
                    return Some(missing);
                }
                let image = Command::new("docker")
                    .args(["image", "inspect", LOCALSTACK_IMAGE])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                let is_here = image.is_ok_and(|ended| ended.success());
                (!is_here).then(|| {
                    format!("LocalStack's image is not here: docker pull {LOCALSTACK_IMAGE}")
                })
            }
            Self::Localstack => {
                let python = Command::new("python3")
                    .args(["-c", CAN_INSTALL])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                let can_install = python.is_ok_and(|ended| ended.success());
                (!can_install).then(|| {
                    format!(
                        "LocalStack's open edition is a Python package: it needs Python 3.11 or later with its \
                         module venv (`apt-get install python3-venv`). With a licence in {LOCALSTACK_TOKEN} its \
                         image runs instead"
                    )
                })
            }
        }
    }
}

/// Whether there is a licence, so that LocalStack's image runs rather than its last open edition.
pub fn has_localstack_token() -> bool {
    env::var_os(LOCALSTACK_TOKEN).is_some_and(|token| !token.is_empty())
}

/// Whether packages can be installed, as Python says it by its exit status.
const CAN_INSTALL: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "embedded" => Self::Embedded,
            "docker" => Self::Docker,
            "ministack" => Self::Ministack,
            "localstack" => Self::Localstack,
            "aws" => Self::Aws,
            url if url.starts_with("http://") || url.starts_with("https://") => {
                Self::Url(url.trim_end_matches('/').to_owned())
            }
            _ => {
                return Err(
                    "expected embedded, docker, ministack, localstack, aws, or the URL of an emulator"
                        .to_owned(),
                );
            }
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Docker => "docker",
            Self::Ministack => "ministack",
            Self::Localstack => "localstack",
            Self::Aws => "aws",
            Self::Url(url) => url,
        })
    }
}

impl Scenario {
    /// All, in the order they are told about.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its name on the command line and in reports.
    pub fn name(self) -> String {
        let value = self.to_possible_value().expect("no value is hidden");
        value.get_name().to_owned()
    }

    /// What it shows, in a sentence.
    pub fn about(self) -> String {
        let value = self.to_possible_value().expect("no value is hidden");
        value
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_name_or_is_a_url() {
        for name in ["embedded", "docker", "ministack", "localstack", "aws"] {
            let target: Target = name.parse().unwrap();
            assert_eq!(target.to_string(), name);
            assert!(!matches!(target, Target::Url(_)));
        }
        for url in ["http://127.0.0.1:4566", "https://emulator.example"] {
            let target = format!("{url}/").parse();
            assert_eq!(target, Ok(Target::Url(url.to_owned())));
        }
    }

    #[test]
    fn another_target_is_refused_with_what_there_is() {
        let refusal = Options::try_parse_from(["e2e", "--target", "azure"]);

        let refusal = refusal.unwrap_err().to_string();
        for told in ["azure", "ministack", "URL"] {
            assert!(refusal.contains(told), "{refusal}");
        }
    }

    #[test]
    fn all_scenarios_are_shown_unless_some_are_asked_for() {
        let chosen = |arguments: &str| {
            let arguments = ["e2e"].into_iter().chain(arguments.split_whitespace());
            let options = Options::try_parse_from(arguments).unwrap();
            options.chosen().collect::<Vec<_>>()
        };

        assert_eq!(chosen(""), Scenario::all());
        assert_eq!(
            chosen("--scenario scale --scenario ec2-tag"),
            [Scenario::Ec2Tag, Scenario::Scale]
        );
    }
}
