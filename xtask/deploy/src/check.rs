//! `cargo xtask deploy --check`: what would stop a deployment, told before anything is created.
//!
//! Asks, and changes nothing.

use std::{fmt, process::Stdio};

use anyhow::ensure;
use discovery::excerpt;
use options::deploy::{Deploy, Network, Workload};
use tokio::process::Command;

use crate::{
    account::{Account, Vpc},
    image, plan,
    service_roles::{self, Presence},
    terminal::say,
};

/// How much of an error is shown, in characters.
const LONGEST: usize = 300;

/// What tasks of the service's stack are unless the image is built here.
const TASKS: &str = "X86_64";

/// The zone in which Fargate has no ARM64.
const WITHOUT_ARM: &str = "use1-az3";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Failure,
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    level: Level,
    what: &'static str,
    text: String,
    remedy: Option<String>,
}

/// Looks at all that a deployment with these options needs. An error where one of them would stop it.
pub async fn check(options: &Deploy) -> anyhow::Result<()> {
    plan::check(options)?;
    let account = Account::open(&options.place).await?;
    let identity = identity(&account).await;
    let is_known = identity.level == Level::Ok;
    let mut findings = vec![identity];
    findings.extend(of_image(options).await);
    // Without credentials all of these would say the same.
    if is_known {
        if options.network == Network::DefaultVpc {
            findings.extend(of_network(options, account.default_vpc().await));
        }
        findings.push(role(options, &account).await);
        for name in options.place.stacks() {
            findings.extend(stack(&account, &name).await);
        }
    }

    for finding in &findings {
        say(&finding.to_string());
    }
    let failures = findings.iter().filter(|it| it.level == Level::Failure);
    let failures = failures.count();
    ensure!(failures == 0, "{failures} of these would stop a deployment");
    say("nothing was created");
    Ok(())
}

async fn identity(account: &Account) -> Finding {
    let sts = aws_sdk_sts::Client::new(&account.config);
    match sts.get_caller_identity().send().await {
        Ok(answer) => Finding::ok(
            "account",
            format!(
                "{} in {}, as {}",
                answer.account().unwrap_or("?"),
                account.region(),
                answer.arn().unwrap_or("?")
            ),
        ),
        Err(error) => {
            let error = anyhow::Error::from(error);
            Finding::failure(
                "account",
                format!(
                    "AWS does not say who this is: {}",
                    excerpt(&format!("{error:#}"), LONGEST)
                ),
                "log in as for the AWS CLI (aws configure, or aws sso login); \
                 after a browser login run this under `aws configure export-credentials --format env`",
            )
        }
    }
}

async fn of_image(options: &Deploy) -> Vec<Finding> {
    if let Some(image) = &options.image {
        let arguments = ["image", "inspect", "--format", "{{.Architecture}}", image];
        return vec![given(image, docker(&arguments).await.ok().as_deref())];
    }
    if !plan::publishes(options) {
        return Vec::new();
    }
    let docker = match docker(&["version", "--format", "{{.Server.Arch}}"]).await {
        Ok(architecture) => built(&architecture, image::architecture()),
        Err(error) => Finding::failure(
            "docker",
            format!(
                "Docker does not answer: {}",
                excerpt(&format!("{error:#}"), LONGEST)
            ),
            "start it, or let this user use it (see `docker info`); or give --image",
        ),
    };
    let tag = match image::tag().await {
        Ok(tag) => Finding::ok("source", format!("the image is {tag}")),
        Err(error) => Finding {
            level: Level::Failure,
            what: "source",
            text: format!("{error:#}"),
            remedy: None,
        },
    };
    vec![docker, tag]
}

/// Of an image that is there, on the machine or elsewhere.
fn given(image: &str, architecture: Option<&str>) -> Finding {
    match architecture {
        Some(found) if normal(found) == TASKS => {
            Finding::ok("image", format!("{image} is for {TASKS}, as the tasks are"))
        }
        Some(found) => Finding::failure(
            "image",
            format!("{image} is for {}, and tasks are {TASKS}", normal(found)),
            "give one for that, or none: what is built here runs on tasks of the same kind",
        ),
        None => Finding::warning(
            "image",
            format!("{image} is not here to be looked at"),
            "see that it is for X86_64, as the tasks are",
        ),
    }
}

/// Of an image that is built here.
fn built(docker: &str, here: &str) -> Finding {
    if normal(docker) == here {
        Finding::ok(
            "docker",
            format!("Docker answers; images and tasks are {here}"),
        )
    } else {
        Finding::warning(
            "docker",
            format!(
                "Docker runs on {}, and the image is compiled for {here}",
                normal(docker)
            ),
            "the try of the new image may fail here; where it does, build on one machine",
        )
    }
}

/// As ECS names it.
fn normal(architecture: &str) -> &str {
    match architecture.trim() {
        "amd64" | "x86_64" => "X86_64",
        "arm64" | "aarch64" => "ARM64",
        other => other,
    }
}

async fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", error.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn of_network(options: &Deploy, vpc: anyhow::Result<Vpc>) -> Vec<Finding> {
    let vpc = match vpc {
        Ok(vpc) => vpc,
        Err(error) => {
            return vec![Finding {
                level: Level::Failure,
                what: "network",
                text: excerpt(&format!("{error:#}"), LONGEST),
                remedy: None,
            }];
        }
    };
    let zones: Vec<_> = vpc.zones.iter().map(|zone| zone.name.as_str()).collect();
    let text = format!(
        "the default VPC {} has subnets in {}",
        vpc.id,
        zones.join(", ")
    );
    let mut findings = vec![match zones.len() {
        0 | 1 => Finding::warning(
            "network",
            text,
            "where that zone fails, so do all nodes: use --network private",
        ),
        _ => Finding::ok("network", text),
    }];
    let is_arm = options.workload == Workload::Ecs
        && plan::publishes(options)
        && image::architecture() == "ARM64";
    if is_arm && vpc.zones.iter().any(|zone| zone.id == WITHOUT_ARM) {
        findings.push(Finding::warning(
            "zones",
            format!("Fargate has no ARM64 in {WITHOUT_ARM}"),
            "tasks go to the other zones; where one is refused there, use --network private, with other zones",
        ));
    }
    findings
}

async fn role(options: &Deploy, account: &Account) -> Finding {
    let role = match options.workload {
        Workload::Ecs => service_roles::ECS,
        Workload::Ec2 => service_roles::AUTO_SCALING,
    };
    match role.look(&account.config).await {
        Presence::There => Finding::ok("role", format!("{} is there", role.name)),
        Presence::Missing => Finding::ok(
            "role",
            format!("{} is not there: it is made before the stack", role.name),
        ),
        Presence::Unknown => Finding::warning(
            "role",
            format!("IAM does not say whether {} is there", role.name),
            "where it is not, whoever deploys must be allowed iam:CreateServiceLinkedRole",
        ),
    }
}

/// Nothing where there is no such stack.
async fn stack(account: &Account, name: &str) -> Option<Finding> {
    match account.stacks.find(name).await {
        Ok(None) => None,
        Ok(Some(stack)) => Some(Finding::ok("stack", format!("{name} is {}", stack.status))),
        Err(error) => {
            let error = anyhow::Error::from(error);
            Some(Finding {
                level: Level::Failure,
                what: "stack",
                text: excerpt(&format!("{error:#}"), LONGEST),
                remedy: None,
            })
        }
    }
}

impl Finding {
    fn ok(what: &'static str, text: String) -> Self {
        Self {
            level: Level::Ok,
            what,
            text,
            remedy: None,
        }
    }

    fn warning(what: &'static str, text: String, remedy: &str) -> Self {
        Self {
            level: Level::Warning,
            what,
            text,
            remedy: Some(remedy.to_owned()),
        }
    }

    fn failure(what: &'static str, text: String, remedy: &str) -> Self {
        Self {
            level: Level::Failure,
            ..Self::warning(what, text, remedy)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failure => "failure",
        };
        write!(f, "{level:<8} {:<8} {}", self.what, self.text)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n{:<17} {remedy}", ""),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_for_another_processor_is_a_failure() {
        for (architecture, level) in [
            (Some("amd64"), Level::Ok),
            (Some("arm64"), Level::Failure),
            (None, Level::Warning),
        ] {
            assert_eq!(given("it", architecture).level, level, "{architecture:?}");
        }
        for (docker, here, level) in [
            ("amd64", "X86_64", Level::Ok),
            ("arm64", "ARM64", Level::Ok),
            ("arm64", "X86_64", Level::Warning),
        ] {
            assert_eq!(built(docker, here).level, level, "{docker} {here}");
        }
    }

    #[test]
    fn a_finding_is_a_line_with_what_to_do_below_it() {
        let finding = Finding::warning("image", "it is not here".to_owned(), "see that it is");

        assert_eq!(
            finding.to_string(),
            "warning  image    it is not here\n                  see that it is"
        );
    }
}
