//! The options of `cargo xtask e2e` and the `e2e` binary.

use std::{
    env, fmt,
    path::PathBuf,
    process::{Command, Stdio},
    str::FromStr,
};

use clap::{Parser, ValueEnum};

use crate::{deploy, docker};

/// The image of LocalStack.
pub const LOCALSTACK_IMAGE: &str = "localstack/localstack:latest";

/// The variable that holds LocalStack's licence.
pub const LOCALSTACK_TOKEN: &str = "LOCALSTACK_AUTH_TOKEN";

/// Shows real clusters forming: builds everything, then runs the end-to-end scenarios.
///
/// Each scenario starts nodes, tells them no more than AWS would, and checks from outside, over HTTP,
/// that they form the right cluster. Scenarios run in parallel; each reports what it saw and how long it took.
/// When one fails, the last state seen and the folder with every node's log are printed, and the exit status is 1.
#[derive(Debug, Clone, Parser)]
#[command(name = "e2e", max_term_width = 100)]
pub struct Options {
    /// Where the nodes run:
    ///
    /// embedded: processes on this machine, each with its own loopback address; AWS is simulated.
    /// Needs only Rust.
    ///
    /// docker: containers of the image, on their own networks; AWS is simulated.
    /// Needs Docker on Linux; builds the image first.
    ///
    /// ministack: the templates are deployed to the emulator MiniStack, which runs the tasks as containers.
    /// Needs Docker on Linux, and Python to install MiniStack into the build folder, once; builds the image first.
    ///
    /// localstack: the same with LocalStack, if LOCALSTACK_AUTH_TOKEN holds a licence; needs Docker and LocalStack's
    /// image. Without a licence, only the EC2 scenarios: LocalStack's last open edition lists instances, and the
    /// nodes run as processes at their addresses. Needs Python 3.11 or later to install LocalStack into the build
    /// folder, once; no Docker.
    ///
    /// http://... or https://...: an emulator that is already running; it must have the image.
    ///
    /// aws: Fargate tasks, in the account and region that the AWS CLI would use. Costs money: shows how much and asks
    /// first, and removes everything at the end.
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

    /// Write the run as an HTML page to this file: what each node did and saw over time, the scenarios' steps, and
    /// the calls to AWS. Whenever logs are kept (a scenario failed, or Ctrl-C ended the run), the page is also
    /// written next to them.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Keep the nodes' logs and the page of the run even when everything passes.
    #[arg(long)]
    pub keep: bool,

    /// The image that the nodes run, with its tag [default: the image is built].
    #[arg(long, value_name = "URI")]
    pub image: Option<String>,

    /// Query the nodes of an emulator as on AWS: a task in the same network asks them, and its answer is read from
    /// its log.
    #[arg(long)]
    pub ask_from_inside: bool,

    /// The AWS region [default: the one that the AWS CLI would use].
    #[arg(long)]
    pub region: Option<String>,

    /// In AWS, the role that CloudFormation uses instead of your own permissions: the output ServiceRoleArn of
    /// cloudformation/deployer-role.yaml, whose StackPrefix must be e2e.
    #[arg(long, value_name = "ARN", value_parser = deploy::role)]
    pub role_arn: Option<String>,

    /// In AWS, the permissions boundary for the nodes' roles: the output PermissionsBoundaryArn of the same stack.
    #[arg(long, value_name = "ARN", value_parser = deploy::policy)]
    pub permissions_boundary: Option<String>,

    /// Do not ask before creating something in AWS.
    #[arg(long)]
    pub yes: bool,
}

/// Where the nodes run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// As processes; AWS is simulated.
    Embedded,
    /// As containers; AWS is simulated.
    Docker,
    /// MiniStack, started for the run, runs them.
    Ministack,
    /// LocalStack, started for the run, runs them. Without a licence it only lists instances, and nodes run as
    /// processes.
    Localstack,
    /// AWS runs them.
    Aws,
    /// The emulator at this URL runs them.
    Url(String),
}

/// An end-to-end scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The tasks of an ECS service form one cluster; stopped tasks and other services' tasks stay out.
    EcsService,
    /// Tagged EC2 instances form one cluster; stopped instances and those with other tags or filters stay out.
    Ec2Tag,
    /// Several nodes on one EC2 instance form one cluster; each has its own port.
    Ec2Ports,
    /// The tasks of two ECS services, in two ECS clusters, form one cluster of nodes.
    TwoServices,
    /// Blue and green tasks of one service, with different tags, form two clusters that share no member.
    EcsTags,
    /// Two task sets of one service are two clusters; the green one takes over.
    EcsTaskSet,
    /// A service grows from 3 tasks to 7 and shrinks again; it stays the same cluster.
    Scale,
    /// A node is killed, becomes unreachable, is removed and replaced; another node leaves cleanly.
    Failure,
    /// Every node is replaced, one by one; the cluster stays the same.
    Rolling,
    /// AWS throttles, fails, lags and lists too few tasks while 5 nodes start: still exactly one cluster.
    FlakyApi,
    /// The stack's policy is enough; without any one of its statements, nodes say which permission is missing.
    LeastPrivilege,
    /// The network splits 5 nodes into 2 and 3, and heals: the same single cluster as before.
    Partition,
    /// AWS lists a task whose node never answers: the others form the cluster without it, just as fast.
    DeadNode,
    /// Tasks with only IPv6 addresses form one cluster, without any setting for it.
    Ipv6,
    /// Two clusters with the same name, formed while AWS lists kept nodes apart, merge into the older one.
    Merge,
    /// AWS lists a task that never gets an address, so no list is complete: the others form the cluster without it.
    StuckTask,
    /// One node's clock is wrong: the others report it and form the cluster without it.
    WrongClock,
}

impl Options {
    /// The selected scenarios, in the order of the report.
    pub fn chosen(&self) -> impl Iterator<Item = Scenario> {
        let all = Scenario::all().iter().copied();
        all.filter(|scenario| self.scenarios.is_empty() || self.scenarios.contains(scenario))
    }
}

impl Target {
    /// What the target needs and this machine lacks, and how to get it. Called before anything is built or started.
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
                    format!("LocalStack's image is missing: docker pull {LOCALSTACK_IMAGE}")
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
                        "LocalStack's open edition is a Python package: it needs Python 3.11 or later with the \
                         module venv (`apt-get install python3-venv`). With a licence in {LOCALSTACK_TOKEN}, \
                         LocalStack's image is used instead"
                    )
                })
            }
        }
    }
}

/// Whether there is a licence: then LocalStack's image runs, else its last open edition.
pub fn has_localstack_token() -> bool {
    env::var_os(LOCALSTACK_TOKEN).is_some_and(|token| !token.is_empty())
}

/// A Python program whose exit status says whether it can install packages.
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
    /// All scenarios, in the order of the report.
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
