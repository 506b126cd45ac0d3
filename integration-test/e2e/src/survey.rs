//! A run in a real account: what it would create and cost, and whether the person agrees. Creates nothing.

use anyhow::{Context, ensure};
use deploy::{
    account::Account,
    image,
    prices::{GIGABYTES, OF, VIRTUAL_CPUS, of_public_tasks},
    terminal::{agreed, say},
};
use options::{
    deploy::Place,
    e2e::{Options, Scenario},
};

use crate::{
    cloud::{repository_stack, service_stack},
    scenarios::row,
};

/// The account for the run; none if the person does not agree.
pub async fn survey(options: &Options) -> anyhow::Result<Option<Account>> {
    let place = Place {
        name: "e2e".to_owned(),
        region: options.region.clone(),
        endpoint_url: None,
    };
    let account = Account::open(&place).await?;
    let id = identity(&account).await.context(
        "AWS cannot say whose credentials these are: they are taken from the same places as for \
         the AWS CLI (after a browser login: eval \"$(aws configure export-credentials --format env)\")",
    )?;
    let scenarios: Vec<_> = options
        .chosen()
        .filter(|&scenario| row(scenario).not_on.aws.is_none())
        .collect();
    ensure!(
        !scenarios.is_empty(),
        "AWS can show none of these scenarios: choose ecs-service, scale or rolling"
    );
    if options.image.is_none() {
        // Known before anything is created.
        image::tag().await?;
    }
    let nodes = usize::from(options.nodes);
    let stacks = stacks(&scenarios, options.image.is_none());
    for stack in &stacks {
        ensure!(
            account.stacks.find(stack).await?.is_none(),
            "a stack {stack} exists already, from a run that continues or was \
             interrupted; to remove it: cargo xtask destroy --name {} --region {}",
            stack.rsplit_once('-').map_or("e2e", |(name, _)| name),
            account.region()
        );
    }

    say(&plan(&id, account.region(), &stacks, &scenarios, nodes));
    if !options.yes && !agreed("create all this, and remove it at the end?").await? {
        say("nothing was created");
        return Ok(None);
    }
    Ok(Some(account))
}

async fn identity(account: &Account) -> anyhow::Result<String> {
    let sts = aws_sdk_sts::Client::new(&account.config);
    let answer = sts.get_caller_identity().send().await?;
    Ok(answer.account().context("it has no account")?.to_owned())
}

fn stacks(scenarios: &[Scenario], publishes: bool) -> Vec<String> {
    let services = scenarios
        .iter()
        .map(|scenario| service_stack(&scenario.name()));
    publishes
        .then(repository_stack)
        .into_iter()
        .chain(services)
        .collect()
}

/// For the person to read before anything happens.
fn plan(
    account: &str,
    region: &str,
    stacks: &[String],
    scenarios: &[Scenario],
    nodes: usize,
) -> String {
    let tasks: usize = scenarios
        .iter()
        .map(|&scenario| tasks_at_once(scenario, nodes))
        .sum();
    format!(
        "\
in the account {account}, region {region}, this run creates
  {}
each with roles, a security group, a log group and a secret; in the default VPC, without access from outside.
At most {tasks} Fargate tasks with {VIRTUAL_CPUS} virtual CPUs and {GIGABYTES} GB run at once, including those that ask the nodes.
While they run, this costs about ${:.2} an hour: an estimate by {OF},
public addresses included (aws.amazon.com/fargate/pricing has those of today); logs, the secrets and the stored image cost cents.
Everything has the tag cluster-on-aws and is removed at the end, also after a failure or Ctrl-C.",
        stacks.join("\n  "),
        of_public_tasks(tasks, image::architecture())
    )
}

/// Including tasks that replace others while they still run, and the task that asks.
fn tasks_at_once(scenario: Scenario, nodes: usize) -> usize {
    let of_service = row(scenario)
        .on_stack
        .map(|stack| (stack.most_tasks)(nodes));
    of_service.map_or(0, |tasks| tasks + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_names_the_account_the_stacks_and_the_money() {
        let scenarios = [Scenario::EcsService, Scenario::Scale, Scenario::Rolling];
        let stacks = stacks(&scenarios, true);
        let plan = plan("123456789012", "eu-west-1", &stacks, &scenarios, 3);

        for told in [
            "123456789012",
            "eu-west-1",
            "e2e-repository",
            "e2e-ecs-service-service",
            "e2e-scale-service",
            "e2e-rolling-service",
            // 3 and 5 and twice 3, and three that ask.
            "At most 17 Fargate tasks",
            "an estimate",
        ] {
            assert!(plan.contains(told), "{told} is not in: {plan}");
        }
    }

    #[test]
    fn an_image_that_is_given_needs_no_repository() {
        let stacks = stacks(&[Scenario::Scale], false);

        assert_eq!(stacks, ["e2e-scale-service"]);
    }
}
