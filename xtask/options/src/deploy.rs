//! What `cargo xtask deploy`, `status` and `destroy` can be told.

use std::{str::FromStr, time::Duration};

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
/// three tasks on Fargate of a quarter of a virtual CPU each, or three t3.micro instances;
/// with `--network private` also the hours of VPC endpoints.
/// Credentials come from where the AWS CLI has them, except from a browser login:
/// after that, first run eval "$(aws configure export-credentials --format env)".
#[derive(Debug, Clone, Args)]
pub struct Deploy {
    /// Where.
    #[command(flatten)]
    pub place: Place,

    /// How many nodes there should be.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub nodes: u8,

    /// What nodes are.
    #[arg(long, value_enum, default_value_t = Workload::Ecs)]
    pub workload: Workload,

    /// The image that tasks run, with its tag; without it, the image is built and pushed to a repository of its own.
    #[arg(long, value_name = "URI", conflicts_with = "program")]
    pub image: Option<String>,

    /// The program that instances run, in a bucket of yours in the same region, for example s3://my-bucket/demo-node.
    ///
    /// It must be there: `cargo xtask image --files FOLDER` makes FOLDER/demo-node, and `aws s3 cp` takes it there.
    #[arg(
        long,
        value_name = "S3-URI",
        requires = "program_sha256",
        required_if_eq("workload", "ec2")
    )]
    pub program: Option<Program>,

    /// The SHA-256 sum of the program, as `sha256sum` prints it. Instances run no other one.
    #[arg(long, value_name = "SUM", requires = "program", value_parser = sha256)]
    pub program_sha256: Option<String>,

    /// The network that nodes are in.
    #[arg(long, value_enum, default_value_t = Network::DefaultVpc)]
    pub network: Network,

    /// The addresses of the private network, where 10.76.0.0/16 is in use elsewhere; from a /16 to a /22.
    #[arg(long, value_name = "CIDR")]
    pub vpc_cidr: Option<String>,

    /// Only look at what a deployment needs: account, credentials, Docker, image, network. Creates nothing.
    #[arg(long)]
    pub check: bool,

    /// Where it fails, delete what this run has created, rather than leave it to be looked at.
    #[arg(long)]
    pub rollback: bool,

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

    /// Look again and again, with this pause, and show what changes in its place [without a pause: 5s].
    #[arg(long, value_name = "PAUSE", num_args = 0..=1, require_equals = true, default_missing_value = "5s", value_parser = pause)]
    pub watch: Option<Duration>,
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

    /// An emulator in place of AWS. The templates are adapted: for MiniStack where nodes are tasks, for moto where
    /// they are instances.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// What nodes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Tasks of an ECS service on Fargate.
    Ecs,
    /// EC2 instances of an auto-scaling group, for x86-64.
    Ec2,
}

/// A program in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The bucket's name.
    pub bucket: String,
    /// Its name in the bucket.
    pub key: String,
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

    /// The stack with the instances.
    pub fn instances_stack(&self) -> String {
        format!("{}-instances", self.name)
    }

    /// Each after those that it needs.
    pub fn stacks(&self) -> [String; 4] {
        [
            self.repository_stack(),
            self.network_stack(),
            self.service_stack(),
            self.instances_stack(),
        ]
    }

    /// The command that does `what` in the same place.
    pub fn command(&self, what: &str) -> String {
        let Self {
            name,
            region,
            endpoint_url,
        } = self;
        let mut command = format!("cargo xtask {what} --name {name}");
        if let Some(region) = region {
            command.push_str(&format!(" --region {region}"));
        }
        if let Some(url) = endpoint_url {
            command.push_str(&format!(" --endpoint-url {url}"));
        }
        command
    }
}

impl FromStr for Program {
    type Err = &'static str;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        uri.strip_prefix("s3://")
            .and_then(|path| path.split_once('/'))
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .map(|(bucket, key)| Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            })
            .ok_or("expected s3://BUCKET/KEY")
    }
}

fn pause(text: &str) -> Result<Duration, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let seconds = match (number.parse(), unit) {
        (Ok(seconds @ 1..=3600), "s") => seconds,
        (Ok(minutes @ 1..=60), "m") => minutes * 60,
        _ => return Err("expected a pause such as `5s` or `1m`, of an hour at most"),
    };
    Ok(Duration::from_secs(seconds))
}

fn sha256(sum: &str) -> Result<String, &'static str> {
    let digits = sum
        .bytes()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if sum.len() == 64 && digits {
        Ok(sum.to_owned())
    } else {
        Err("expected 64 hexadecimal digits, as `sha256sum` prints them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_in_the_default_network_need_no_option() {
        let deploy = deploy("").unwrap();

        assert_eq!(deploy.workload, Workload::Ecs);
        assert_eq!(deploy.network, Network::DefaultVpc);
        assert_eq!((deploy.nodes, deploy.place.name.as_str()), (3, "orders"));
    }

    #[test]
    fn instances_need_a_program_and_its_sum() {
        let refusal = deploy("--workload ec2").unwrap_err();
        assert!(refusal.contains("--program"), "{refusal}");

        let refusal = deploy("--workload ec2 --program s3://bucket/demo-node").unwrap_err();
        assert!(refusal.contains("--program-sha256"), "{refusal}");

        let sum = "0".repeat(64);
        let given = format!("--workload ec2 --program s3://bucket/a/b --program-sha256 {sum}");
        let program = deploy(&given).unwrap().program.unwrap();
        assert_eq!(
            (program.bucket.as_str(), program.key.as_str()),
            ("bucket", "a/b")
        );
    }

    #[test]
    fn a_program_elsewhere_than_in_a_bucket_is_refused() {
        for uri in [
            "demo-node",
            "s3://bucket",
            "s3://bucket/",
            "s3:///demo-node",
        ] {
            let given = format!("--program {uri} --program-sha256 {}", "0".repeat(64));
            let refusal = deploy(&given).unwrap_err();
            assert!(
                refusal.contains(uri) && refusal.contains("s3://BUCKET/KEY"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        for sum in ["0".repeat(63), "g".repeat(64), "A".repeat(64)] {
            let given = format!("--program s3://bucket/demo-node --program-sha256 {sum}");
            let refusal = deploy(&given).unwrap_err();
            assert!(refusal.contains("64 hexadecimal digits"), "{refusal}");
        }
    }

    #[test]
    fn a_pause_is_of_a_second_at_least_and_an_hour_at_most() {
        let watch = |arguments: &str| {
            let arguments = ["deploy", "status"]
                .into_iter()
                .chain(arguments.split_whitespace());
            match Options::try_parse_from(arguments) {
                Ok(Options {
                    command: Command::Status(status),
                }) => Ok(status.watch.map(|pause| pause.as_secs())),
                Ok(_) => Err("another command".to_owned()),
                Err(refusal) => Err(refusal.to_string()),
            }
        };

        assert_eq!(watch(""), Ok(None));
        assert_eq!(watch("--watch"), Ok(Some(5)));
        assert_eq!(watch("--watch=20s --name shop"), Ok(Some(20)));
        assert_eq!(watch("--watch=2m"), Ok(Some(120)));
        for pause in [
            "0s",
            "3601s",
            "5",
            "s",
            "-1s",
            "5h",
            "99999999999999999999s",
        ] {
            let refusal = watch(&format!("--watch={pause}")).unwrap_err();
            assert!(refusal.contains("such as `5s`"), "{refusal}");
        }
    }

    #[test]
    fn a_command_for_the_same_place_can_be_repeated_as_it_is_printed() {
        let given = "--name shop --region eu-west-1 --endpoint-url http://127.0.0.1:4566";
        let place = deploy(given).unwrap().place;

        assert_eq!(
            place.command("status"),
            format!("cargo xtask status {given}")
        );
    }

    fn deploy(arguments: &str) -> Result<Deploy, String> {
        let arguments = ["deploy", "deploy"]
            .into_iter()
            .chain(arguments.split_whitespace());
        match Options::try_parse_from(arguments) {
            Ok(Options {
                command: Command::Deploy(deploy),
            }) => Ok(deploy),
            Ok(_) => Err("another command".to_owned()),
            Err(refusal) => Err(refusal.to_string()),
        }
    }
}
