//! `cargo xtask deploy --check`: finds what would stop a deployment, before anything is created.
//!
//! It only asks, and changes nothing.

use std::{fmt, process::Stdio};

use anyhow::ensure;
use discovery::excerpt;
use options::deploy::{Deploy, Network, Workload};
use tokio::process;

use crate::{
    account::{Account, Vpc},
    image, plan, prices, quotas,
    service_roles::{self, Presence},
    stacks::{Stack, refused},
    step::{self, Step},
    terminal::say,
};

/// How much of an error is shown, in characters.
const LONGEST: usize = 300;

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

/// Checks everything that a deployment with these options needs. An error if something would stop it.
pub async fn check(options: &Deploy) -> anyhow::Result<()> {
    plan::check(options)?;
    let account = Account::open(&options.place).await?;
    let identity = identity(&account).await;
    let is_known = identity.level == Level::Ok;
    let mut findings = vec![identity];
    findings.extend(of_image(options, is_known.then_some(&account)).await);
    // Without credentials, all of these would report the same.
    if is_known {
        if options.network == Network::DefaultVpc {
            findings.extend(of_network(
                options,
                account.default_vpc(&options.zones).await,
            ));
        }
        findings.push(role(options, &account).await);
        if options.workload == Workload::Ecs {
            let quota = quotas::virtual_cpus(&account.config).await;
            findings.push(of_quota(options, quota));
        }
        for name in options.place.stacks() {
            findings.extend(stack(options, &account, &name).await);
        }
    }

    findings.push(Finding::ok("cost", prices::told(options)));
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
                    "AWS does not say whose credentials these are: {}",
                    excerpt(&format!("{error:#}"), LONGEST)
                ),
                "log in as for the AWS CLI (aws configure, or aws sso login); \
                 after a browser login: eval \"$(aws configure export-credentials --format env)\"",
            )
        }
    }
}

async fn of_image(options: &Deploy, account: Option<&Account>) -> Vec<Finding> {
    if let Some(image) = &options.image {
        let arguments = ["image", "inspect", "--format", "{{.Architecture}}", image];
        let found = docker(&arguments).await.ok();
        return vec![given(image, found.as_deref(), plan::architecture(options))];
    }
    if !plan::publishes(options) {
        return Vec::new();
    }
    let tag = match image::tag().await {
        Ok(tag) => tag,
        Err(error) => return vec![Finding::error("source", &error), of_docker().await],
    };
    let published = match account {
        Some(account) => published(options, account, &tag).await,
        None => Ok(false),
    };
    match published {
        // Nothing is built, so Docker is not needed.
        Ok(true) => vec![Finding::ok("image", format!("{tag} is published already"))],
        Ok(false) => vec![
            of_docker().await,
            Finding::ok("source", format!("the image is {tag}")),
        ],
        Err(error) => vec![Finding::error("image", &error), of_docker().await],
    }
}

/// Whether the image is where it would be pushed to.
async fn published(options: &Deploy, account: &Account, tag: &str) -> anyhow::Result<bool> {
    let stack = options.place.repository_stack();
    let Some(stack) = account.stacks.look(&stack).await? else {
        return Ok(false);
    };
    match stack.outputs.get("RepositoryUri") {
        Some(repository) if stack.is_ours => {
            Ok(image::published(account, repository, tag).await?.is_some())
        }
        Some(_) | None => Ok(false),
    }
}

async fn of_docker() -> Finding {
    match docker(&["version", "--format", "{{.Server.Arch}}"]).await {
        Ok(architecture) => built(&architecture, image::architecture()),
        Err(error) => Finding::failure(
            "docker",
            format!(
                "Docker does not answer: {}",
                excerpt(&format!("{error:#}"), LONGEST)
            ),
            "start it, or let this user use it (see `docker info`); or give --image",
        ),
    }
}

/// Of an image that is there, on the machine or elsewhere, for tasks of this kind.
fn given(image: &str, architecture: Option<&str>, tasks: &str) -> Finding {
    match architecture {
        Some(found) if normal(found) == tasks => {
            Finding::ok("image", format!("{image} is for {tasks}, like the tasks"))
        }
        Some(found) => Finding::failure(
            "image",
            format!(
                "{image} is for {}, but the tasks are {tasks}",
                normal(found)
            ),
            "give an image for the tasks' processor type, or set --architecture; an image that is built here needs tasks with this machine's type",
        ),
        None => Finding::warning(
            "image",
            format!("{image} is not on this machine, so it cannot be checked"),
            &format!("make sure that it is for {tasks}, like the tasks"),
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
                "Docker runs on {}, but the image is compiled for {here}",
                normal(docker)
            ),
            "the test of the new image may fail here; if so, build on one machine",
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
    let output = process::Command::new("docker")
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
        Err(error) => return vec![Finding::error("network", &error)],
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
            "if that zone fails, all nodes fail: use --network private",
        ),
        _ => Finding::ok("network", text),
    }];
    let is_arm = options.workload == Workload::Ecs && plan::architecture(options) == "ARM64";
    if is_arm && vpc.zones.iter().any(|zone| zone.id == WITHOUT_ARM) {
        findings.push(Finding::warning(
            "zones",
            format!("Fargate has no ARM64 in {WITHOUT_ARM}"),
            "tasks are started in the other zones; if one is refused in this zone, name the others with --zones",
        ));
    }
    findings
}

/// Of the virtual CPUs that all tasks of the account and region may have together.
fn of_quota(options: &Deploy, quota: anyhow::Result<f64>) -> Finding {
    let needed = f64::from(options.nodes) * prices::VIRTUAL_CPUS;
    // Each task has its successor beside it for a while.
    let most = 2.0 * needed;
    let remedy = "ask for more under Service Quotas (Fargate On-Demand vCPU resource count), or deploy with fewer --nodes";
    match quota {
        Ok(quota) => {
            let text = format!(
                "the quota of Fargate is {quota} virtual CPUs here; these nodes need {needed}, and {most} while they are replaced"
            );
            match quota {
                _ if quota < needed => Finding::failure("quota", text, remedy),
                _ if quota < most => Finding::warning("quota", text, remedy),
                _ => Finding::ok("quota", text),
            }
        }
        Err(error) => Finding::warning(
            "quota",
            format!(
                "the quota of Fargate is not known: {}",
                excerpt(&format!("{error:#}"), LONGEST)
            ),
            &format!("these nodes need {needed} virtual CPUs, and {most} while they are replaced"),
        ),
    }
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
            format!(
                "{} does not exist: it is created before the stack",
                role.name
            ),
        ),
        Presence::Unknown => Finding::warning(
            "role",
            format!("IAM does not say whether {} exists", role.name),
            "if it does not, the deploying user needs the permission iam:CreateServiceLinkedRole",
        ),
    }
}

/// Nothing where there is no such stack.
async fn stack(options: &Deploy, account: &Account, name: &str) -> Option<Finding> {
    match account.stacks.look(name).await {
        Ok(None) => None,
        Ok(Some(stack)) if stack.is_ours && name == plan::other_stack(options) => {
            Some(Finding::failure(
                "stack",
                format!(
                    "{name} is {}: nodes of another kind use this name",
                    stack.status
                ),
                &plan::one_kind(options),
            ))
        }
        Ok(Some(stack)) => Some(of_stack(&stack)),
        Err(error) => Some(Finding::error("stack", &error.into())),
    }
}

/// What a deployment would first do with a stack in this state.
fn of_stack(stack: &Stack) -> Finding {
    let Stack { name, status, .. } = stack;
    let text = format!("{name} is {status}");
    match step::next(Some(stack.found()), Vec::new()) {
        Step::Create | Step::Keep => Finding::ok("stack", text),
        Step::Change { .. } => Finding::warning(
            "stack",
            text,
            "an earlier change failed: it is tried again, and is not rolled back if it fails again",
        ),
        Step::Wait { .. } => Finding::warning(
            "stack",
            text,
            "a deployment waits until that has ended, and then looks again",
        ),
        Step::Replace(_) => Finding::warning(
            "stack",
            text,
            "a deployment deletes it with all its resources, and creates it again",
        ),
        Step::TakeBack => Finding::warning(
            "stack",
            text,
            "a deployment first rolls back the failed change; if that fails again, the deployment fails, too",
        ),
        Step::Refuse(refusal) => Finding::error("stack", &refused(name, refusal).into()),
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

    /// What says by itself what to do.
    fn error(what: &'static str, error: &anyhow::Error) -> Self {
        Self {
            level: Level::Failure,
            what,
            text: excerpt(&format!("{error:#}"), LONGEST),
            remedy: None,
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
    use clap::Parser as _;
    use options::deploy::{Command, Options};

    use super::*;

    #[test]
    fn an_image_for_another_processor_is_a_failure() {
        for (architecture, tasks, level) in [
            (Some("amd64"), "X86_64", Level::Ok),
            (Some("arm64"), "X86_64", Level::Failure),
            (Some("arm64"), "ARM64", Level::Ok),
            (Some("amd64"), "ARM64", Level::Failure),
            (None, "ARM64", Level::Warning),
        ] {
            let found = given("it", architecture, tasks);
            assert_eq!(found.level, level, "{architecture:?} {tasks}");
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
    fn a_stack_is_ok_only_in_a_state_from_which_a_deployment_goes_on_at_once() {
        for (status, level) in [
            ("CREATE_COMPLETE", Level::Ok),
            ("UPDATE_ROLLBACK_COMPLETE", Level::Ok),
            ("UPDATE_IN_PROGRESS", Level::Warning),
            ("ROLLBACK_COMPLETE", Level::Warning),
            ("CREATE_FAILED", Level::Warning),
            ("UPDATE_FAILED", Level::Warning),
            ("UPDATE_ROLLBACK_FAILED", Level::Warning),
            ("IMPORT_ROLLBACK_FAILED", Level::Failure),
        ] {
            let stack = Stack {
                name: "orders-service".to_owned(),
                status: status.into(),
                outputs: Default::default(),
                parameters: Default::default(),
                id: "arn".to_owned(),
                is_ours: true,
                role_arn: None,
            };
            assert_eq!(of_stack(&stack).level, level, "{status}");
        }
    }

    #[test]
    fn a_quota_must_do_for_the_nodes_and_should_do_for_their_successors() {
        let options = Options::parse_from(["deploy", "deploy", "--nodes", "4"]);
        let Command::Deploy(options) = options.command else {
            panic!("another command");
        };
        for (quota, level) in [
            (0.75, Level::Failure),
            (1.0, Level::Warning),
            (2.0, Level::Ok),
        ] {
            assert_eq!(of_quota(&options, Ok(quota)).level, level, "{quota}");
        }
        let unknown = of_quota(&options, Err(anyhow::anyhow!("AccessDenied")));
        assert_eq!(unknown.level, Level::Warning);
        assert!(unknown.text.contains("AccessDenied"));
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
