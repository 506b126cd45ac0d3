//! The options of `cargo xtask deploy`, `status` and `destroy`.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

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
#[expect(
    clippy::large_enum_variant,
    reason = "a program makes one of it and moves it once"
)]
pub enum Command {
    /// Creates or changes the stacks.
    Deploy(Deploy),
    /// Shows the stacks.
    Status(Status),
    /// Deletes the stacks.
    Destroy(Destroy),
}

/// Deploys the cluster to AWS: creates its stacks, or changes them, and shows what happens.
///
/// It first shows what CloudFormation would do, and asks. What it creates costs money until `cargo xtask destroy`:
/// three Fargate tasks with a quarter of a virtual CPU each, or three t3.micro instances;
/// with `--network private` also VPC endpoints, which cost money by the hour.
/// Credentials come from the same places as for the AWS CLI, except from a browser login:
/// after that, first run eval "$(aws configure export-credentials --format env)".
#[derive(Debug, Clone, Args)]
pub struct Deploy {
    /// Where to deploy.
    #[command(flatten)]
    pub place: Place,

    /// How many nodes to run.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub nodes: u8,

    /// What the nodes run as.
    #[arg(long, value_enum, default_value_t = Workload::Ecs)]
    pub workload: Workload,

    /// The image that tasks run, with its tag [default: the image is built, and pushed to a repository made for it].
    #[arg(long, value_name = "URI", conflicts_with = "program")]
    pub image: Option<String>,

    /// The program that instances run: an object in your own bucket in the same region, for example
    /// s3://my-bucket/demo-node.
    ///
    /// Upload it first: `cargo xtask image --files FOLDER` makes FOLDER/demo-node, and `aws s3 cp` copies it to the
    /// bucket.
    #[arg(
        long,
        value_name = "S3-URI",
        requires = "program_sha256",
        required_if_eq("workload", "ec2")
    )]
    pub program: Option<Program>,

    /// The SHA-256 sum of the program, as `sha256sum` prints it. Instances run the program only if the sum is right.
    #[arg(long, value_name = "SUM", requires = "program", value_parser = sha256)]
    pub program_sha256: Option<String>,

    /// The network for the nodes.
    #[arg(long, value_enum, default_value_t = Network::DefaultVpc)]
    pub network: Network,

    /// The address range of the private network, from a /16 to a /22 [default: 10.76.0.0/16].
    #[arg(long, value_name = "CIDR")]
    pub vpc_cidr: Option<String>,

    /// The processor type of tasks [default: this machine's, if the image is built here; else x86_64].
    #[arg(long, value_enum)]
    pub architecture: Option<Architecture>,

    /// The availability zones for the nodes, for example eu-west-1a,eu-west-1b [default: all zones of the default
    /// VPC; for a private network, the first two of the region].
    #[arg(long, value_name = "ZONES", value_delimiter = ',', value_parser = zone)]
    pub zones: Vec<String>,

    /// The role that CloudFormation uses instead of your own permissions: the output ServiceRoleArn of
    /// cloudformation/deployer-role.yaml.
    #[arg(long, value_name = "ARN", value_parser = role)]
    pub role_arn: Option<String>,

    /// The permissions boundary for the nodes' roles: the output PermissionsBoundaryArn of
    /// cloudformation/deployer-role.yaml. For new stacks, and for stacks that were created with it.
    #[arg(long, value_name = "ARN", value_parser = policy)]
    pub permissions_boundary: Option<String>,

    /// A tag for each stack and all its resources. Can be repeated.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    pub tags: Vec<(String, String)>,

    /// A parameter of the nodes' template (cloudformation/ecs-service.yaml or ec2-auto-scaling-group.yaml) that no
    /// other option sets, for example Monitoring=ENABLED. Can be repeated; parameters that are not given keep their
    /// defaults.
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,

    /// Only check account, credentials, Docker, image, default network, service-linked role, quota of virtual CPUs,
    /// stacks and cost. Creates nothing.
    #[arg(long)]
    pub check: bool,

    /// On failure, delete what this run has created. Without this option it stays, so that you can look at it.
    #[arg(long)]
    pub rollback: bool,

    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Shows the stacks, the tasks, and, if the nodes can be reached, what they say about their cluster.
#[derive(Debug, Clone, Args)]
pub struct Status {
    /// Where the cluster is.
    #[command(flatten)]
    pub place: Place,

    /// Repeat after this pause, and redraw what changes [PAUSE not given: 5s].
    #[arg(long, value_name = "PAUSE", num_args = 0..=1, require_equals = true, default_missing_value = "5s", value_parser = pause)]
    pub watch: Option<Duration>,
}

/// Deletes the stacks, with the image and the logs. Can be repeated.
#[derive(Debug, Clone, Args)]
pub struct Destroy {
    /// Where the cluster is.
    #[command(flatten)]
    pub place: Place,

    /// The role that CloudFormation uses to delete [default: the role that each stack was created with, if any].
    #[arg(long, value_name = "ARN", value_parser = role)]
    pub role_arn: Option<String>,

    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Which cluster, and where it is.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The name of the service and of the cluster, and the prefix of the stacks' names.
    #[arg(long, default_value = "orders", value_parser = name)]
    pub name: String,

    /// The AWS region [default: the one that the AWS CLI would use].
    #[arg(long)]
    pub region: Option<String>,

    /// The URL of an emulator instead of AWS. The templates are adapted: to MiniStack if nodes are tasks, to moto if
    /// they are instances.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// What the nodes run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Tasks of an ECS service on Fargate.
    Ecs,
    /// EC2 instances of an Auto Scaling group (x86-64).
    Ec2,
}

/// The processor type of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// Intel and AMD.
    #[value(name = "x86_64")]
    X86_64,
    /// Graviton.
    Arm64,
}

/// A program in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The bucket's name.
    pub bucket: String,
    /// Its name in the bucket.
    pub key: String,
}

/// The network for the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// The account's default VPC. Tasks have public addresses, to pull the image, but take no connections from the
    /// internet.
    DefaultVpc,
    /// Private subnets without internet access, with VPC endpoints.
    Private,
}

impl Deploy {
    /// The tags by key.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.tags.iter().cloned().collect()
    }
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

    /// All stacks, each after the stacks that it needs.
    pub fn stacks(&self) -> [String; 4] {
        [
            self.repository_stack(),
            self.network_stack(),
            self.service_stack(),
            self.instances_stack(),
        ]
    }

    /// The xtask command `what` for the same cluster.
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
        _ => return Err("expected a pause such as `5s` or `1m`, at most one hour"),
    };
    Ok(Duration::from_secs(seconds))
}

/// A name that ECS accepts for a service, and CloudFormation, with a suffix, for a stack.
fn name(name: &str) -> Result<String, &'static str> {
    let is_taken = name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'-');
    match is_taken {
        true => Ok(name.to_owned()),
        false => Err("expected up to 63 letters, digits and dashes, beginning with a letter"),
    }
}

/// The longest name that the ECS template accepts. CloudFormation accepts longer ones, even with the longest suffix.
const LONGEST_NAME: usize = 63;

fn zone(name: &str) -> Result<String, &'static str> {
    let mut parts = name.split('-');
    let of_letters =
        |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_lowercase());
    let is_last = |part: &str| {
        let digits = part.trim_end_matches(|it: char| it.is_ascii_lowercase());
        !digits.is_empty()
            && digits.len() + 1 == part.len()
            && digits.bytes().all(|it| it.is_ascii_digit())
    };
    let last = parts.next_back().unwrap_or_default();
    let is_one = is_last(last) && 2 <= parts.clone().count() && parts.all(of_letters);
    match is_one {
        true => Ok(name.to_owned()),
        false => Err("expected the name of an availability zone, for example eu-west-1a"),
    }
}

pub(crate) fn role(arn: &str) -> Result<String, &'static str> {
    of_iam(arn, "role/")
        .ok_or("expected the ARN of a role, for example arn:aws:iam::123456789012:role/deploy")
}

pub(crate) fn policy(arn: &str) -> Result<String, &'static str> {
    of_iam(arn, "policy/").ok_or(
        "expected the ARN of a managed policy, for example arn:aws:iam::123456789012:policy/bounds",
    )
}

fn of_iam(arn: &str, kind: &str) -> Option<String> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let [scheme, partition, service, region, account, resource] = parts[..] else {
        return None;
    };
    let is_one = scheme == "arn"
        && partition.starts_with("aws")
        && service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|it| it.is_ascii_digit())
        && resource
            .strip_prefix(kind)
            .is_some_and(|name| !name.is_empty());
    is_one.then(|| arn.to_owned())
}

/// A tag that every AWS service accepts.
fn tag(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let is_taken = |text: &str| {
        text.chars()
            .all(|it| it.is_alphanumeric() || it == ' ' || "_.:/=+-@".contains(it))
    };
    if key.is_empty() || 128 < key.chars().count() || 256 < value.chars().count() {
        return Err("expected a key of up to 128 characters, and a value of up to 256");
    }
    if !is_taken(key) || !is_taken(value) {
        return Err("expected letters, digits, blanks and _ . : / = + - @");
    }
    if key.to_lowercase().starts_with("aws:") || ["cluster-on-aws", "stack"].contains(&key) {
        return Err("that key is AWS's own, or this program's");
    }
    Ok((key.to_owned(), value.to_owned()))
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    match !key.is_empty() && key.bytes().all(|it| it.is_ascii_alphanumeric()) {
        true => Ok((key.to_owned(), value.to_owned())),
        false => Err("expected the name of a parameter, which has letters and digits alone"),
    }
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
    fn a_name_is_one_that_aws_takes() {
        for name in ["orders", "Orders-2", &"a".repeat(63)] {
            assert_eq!(deploy(&format!("--name {name}")).unwrap().place.name, name);
        }
        for name in [
            "2orders",
            "-orders",
            "my_orders",
            "orders.eu",
            &"a".repeat(64),
        ] {
            let refusal = deploy(&format!("--name={name}")).unwrap_err();
            assert!(refusal.contains("beginning with a letter"), "{refusal}");
        }
    }

    #[test]
    fn zones_are_named_with_a_comma_between_them() {
        let zones = deploy("--zones eu-west-1a,us-gov-east-1b").unwrap().zones;
        assert_eq!(zones, ["eu-west-1a", "us-gov-east-1b"]);

        for zone in ["eu-west-1", "use1-az3", "a", "eu-west-1a,", "eu-west-a"] {
            let refusal = deploy(&format!("--zones {zone}")).unwrap_err();
            assert!(refusal.contains("eu-west-1a"), "{refusal}");
        }
    }

    #[test]
    fn roles_and_bounds_are_named_by_their_arns() {
        let role = "arn:aws-cn:iam::123456789012:role/path/deploy";
        let bounds = "arn:aws:iam::123456789012:policy/bounds";
        let given = format!("--role-arn {role} --permissions-boundary {bounds}");
        let deployed = deploy(&given).unwrap();
        assert_eq!(deployed.role_arn.as_deref(), Some(role));
        assert_eq!(deployed.permissions_boundary.as_deref(), Some(bounds));

        for given in [
            "--role-arn deploy".to_owned(),
            format!("--role-arn {bounds}"),
            format!("--permissions-boundary {role}"),
            "--role-arn arn:aws:iam::1:role/deploy".to_owned(),
        ] {
            let refusal = deploy(&given).unwrap_err();
            assert!(refusal.contains("for example arn:aws:iam::"), "{refusal}");
        }
    }

    #[test]
    fn tags_are_keys_and_values_that_aws_takes() {
        let tags = deploy("--tag team=a=b --tag cost:center=7").unwrap().tags();
        assert_eq!(tags["team"], "a=b");
        assert_eq!(tags["cost:center"], "7");

        for tag in [
            "team",
            "=value",
            "aws:team=a",
            "cluster-on-aws=x",
            "stack=x",
            "te,am=a",
            &format!("{}=a", "k".repeat(129)),
            &format!("k={}", "v".repeat(257)),
        ] {
            assert!(deploy(&format!("--tag {tag}")).is_err(), "{tag}");
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
