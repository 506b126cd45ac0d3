//! Finds out and shows what a deployment would do, before anybody is asked to agree.
//!
//! Changes nothing except change sets, which it creates and does not execute.

use anyhow::{Context, ensure};
use options::deploy::{Deploy, Place, Workload};

use crate::{
    account::{Account, Vpc},
    differences::moto,
    image,
    plan::{self, Existing, Outputs, Planned},
    stacks::{Action, Effect, Pending, Preparation, Prepared, Stack, consequences, lines, refused},
    step::{self, OnFailure, Step},
    terminal::say,
};

/// A stack can change between two calls, but not more often than this.
const MOST_SURPRISES: u32 = 5;

/// A stack that is not as it should be.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) planned: Planned,
    pub(super) step: Step,
    /// What was shown; none if it cannot be known yet.
    pub(super) prepared: Option<Box<Prepared>>,
}

/// All that was found out.
#[derive(Debug, Default)]
pub(super) struct Review {
    pub(super) changes: Vec<Change>,
    pub(super) outputs: Outputs,
    /// The image's, where it is built here.
    pub(super) tag: Option<String>,
}

/// A stack as it was found, and what is done with it.
struct Found {
    stack: Option<Stack>,
    step: Step,
    prepared: Option<Box<Prepared>>,
}

impl Review {
    /// Examines each stack, and shows what would be done with it.
    pub(super) async fn of(
        &mut self,
        options: &Deploy,
        account: &Account,
        vpc: Option<Vpc>,
    ) -> anyhow::Result<()> {
        let place = &options.place;
        if plan::publishes(options) {
            self.tag = Some(image::tag().await?);
        }
        say(&format!("in {}:", account.region()));
        for planned in plan::plan(options, vpc)? {
            let found = self.find(options, account, &planned).await?;
            let Found {
                stack,
                step,
                prepared,
            } = found;
            say(&format!("  {:<24} {step}", planned.name));
            let effects = prepared.as_ref().map(|it| it.effects()).unwrap_or_default();
            let shown = show(account, &planned, stack.as_ref(), effects, &self.outputs).await;
            let moved = refuse_moved_subnets(place, &planned, effects);
            // If a stack's output will change, the new value is not known in advance.
            if let (Some(stack), Step::Keep) = (stack, &step) {
                self.outputs.insert(planned.name.clone(), stack.outputs);
            }
            let is_repository = planned.name == place.repository_stack();
            match step {
                Step::Keep => {}
                Step::Refuse(refusal) => return Err(refused(&planned.name, refusal).into()),
                Step::Create
                | Step::Change { .. }
                | Step::Wait { .. }
                | Step::Replace(_)
                | Step::TakeBack => self.changes.push(Change {
                    planned,
                    step,
                    prepared,
                }),
            }
            shown?;
            moved?;
            if is_repository {
                self.look_for_image(account, place).await?;
            }
        }
        Ok(())
    }

    /// Examines the stack; once more if it changed before the change was prepared.
    async fn find(
        &self,
        options: &Deploy,
        account: &Account,
        planned: &Planned,
    ) -> anyhow::Result<Found> {
        let mut surprises = 0;
        loop {
            let existing = existing(options, account, &planned.name).await?;
            let mut step = planned.step(existing.as_ref(), &self.outputs);
            let stack = existing.map(|existing| existing.stack);
            let prepared = self.prepare(account, planned, stack.as_ref(), &mut step);
            let prepared = match prepared.await? {
                Some(Preparation::Ready(prepared)) => Some(prepared),
                Some(Preparation::Surprised) if surprises < MOST_SURPRISES => {
                    surprises += 1;
                    continue;
                }
                // Then it is shown when it is done.
                Some(Preparation::Surprised | Preparation::Needless) | None => None,
            };
            return Ok(Found {
                stack,
                step,
                prepared,
            });
        }
    }

    /// Lets CloudFormation say what it would do, if all its inputs are known. It knows better than a comparison
    /// whether there is anything to do.
    async fn prepare(
        &self,
        account: &Account,
        planned: &Planned,
        stack: Option<&Stack>,
        step: &mut Step,
    ) -> anyhow::Result<Option<Preparation>> {
        let existing = match (&*step, stack) {
            (Step::Create, _) => None,
            (Step::Keep, Some(stack)) => Some((stack.clone(), OnFailure::TakeBack)),
            (Step::Change { on_failure, .. }, Some(stack)) => Some((stack.clone(), *on_failure)),
            _ => return Ok(None),
        };
        let Ok(wanted) = planned.wanted(&self.outputs) else {
            return Ok(None);
        };
        if !account.stacks.takes_change_sets().await {
            return Ok(None);
        }
        let preparation = account.stacks.prepare(&wanted, existing).await?;
        match preparation {
            Preparation::Ready(_) if *step == Step::Keep => {
                *step = Step::Change {
                    points: vec!["CloudFormation finds differences, listed below".to_owned()],
                    on_failure: OnFailure::TakeBack,
                };
            }
            // One that has failed is told by the attempt.
            Preparation::Needless
                if stack.is_some_and(|stack| step::is_complete(&stack.status)) =>
            {
                *step = Step::Keep;
            }
            Preparation::Ready(_) | Preparation::Needless | Preparation::Surprised => {}
        }
        Ok(Some(preparation))
    }

    /// Says whether the image is where it would be pushed to.
    async fn look_for_image(&mut self, account: &Account, place: &Place) -> anyhow::Result<()> {
        let Some(tag) = self.tag.clone() else {
            return Ok(());
        };
        let found = self.find_image(account, place, &tag).await?;
        let image = format!("image {tag}");
        say(&format!(
            "  {image:<24} {}",
            match found {
                true => "is published already",
                false => "is built and pushed",
            }
        ));
        Ok(())
    }

    async fn find_image(
        &mut self,
        account: &Account,
        place: &Place,
        tag: &str,
    ) -> anyhow::Result<bool> {
        let Some(of_repository) = self.outputs.get_mut(&place.repository_stack()) else {
            return Ok(false);
        };
        let Some(repository) = of_repository.get("RepositoryUri") else {
            return Ok(false);
        };
        let image = image::published(account, repository, tag).await?;
        let found = image.is_some();
        of_repository.extend(image.map(|image| (plan::IMAGE.to_owned(), image)));
        Ok(found)
    }

    /// Deletes change sets that were not executed. If that fails, it says so, and the next run deletes them.
    pub(super) async fn discard(&mut self, account: &Account) {
        let prepared = self.changes.iter_mut().filter_map(|it| it.prepared.take());
        for prepared in prepared {
            if let Err(error) = account.stacks.discard(&prepared).await {
                say(&format!(
                    "the change set of {} is left; the next run deletes it: {:#}",
                    prepared.stack(),
                    anyhow::Error::from(error)
                ));
            }
        }
    }
}

/// Shows what is done to each resource, and what that means. Returns whether nodes are affected.
pub(super) async fn show(
    account: &Account,
    planned: &Planned,
    stack: Option<&Stack>,
    effects: &[Effect],
    outputs: &Outputs,
) -> anyhow::Result<bool> {
    if effects.is_empty() {
        return Ok(false);
    }
    for line in lines(effects) {
        say(&format!("      {line}"));
    }
    let mut notes: Vec<_> = consequences(effects)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(stack) = stack {
        notes.extend(count(account, planned, stack, effects, outputs).await?);
    }
    for note in &notes {
        say(&format!("      -> {note}"));
    }
    Ok(!notes.is_empty())
}

/// A new subnet cannot have the addresses of an existing one, and no subnet can be deleted while nodes are in it.
fn refuse_moved_subnets(
    place: &Place,
    planned: &Planned,
    effects: &[Effect],
) -> anyhow::Result<()> {
    let moves = |effect: &&Effect| {
        ["AWS::EC2::Subnet", "AWS::EC2::VPC"].contains(&effect.kind.as_str())
            && matches!(effect.action, Action::Replace | Action::Remove)
    };
    let moved = effects.iter().filter(moves);
    let moved: Vec<_> = moved.map(|effect| effect.resource.as_str()).collect();
    ensure!(
        moved.is_empty() || planned.name != place.network_stack(),
        "the zones and the address range of an existing private network cannot be changed, only zones added ({}): \
         choose another --name, or remove it first with {}",
        moved.join(", "),
        place.command("destroy")
    );
    Ok(())
}

/// What happens to the number of nodes if somebody has set it outside this stack.
async fn count(
    account: &Account,
    planned: &Planned,
    stack: &Stack,
    effects: &[Effect],
    outputs: &Outputs,
) -> anyhow::Result<Option<String>> {
    let touches = |kind: &str| effects.iter().any(|effect| effect.kind == kind);
    let (key, now) = if touches("AWS::ECS::Service") {
        ("DesiredCount", tasks(account, stack).await?)
    } else if touches("AWS::AutoScaling::AutoScalingGroup") {
        ("DesiredCapacity", instances(account, stack).await?)
    } else {
        return Ok(None);
    };
    let (Some(now), Some(before)) = (now, stack.parameters.get(key)) else {
        return Ok(None);
    };
    let now = now.to_string();
    let after = planned.parameter(key, outputs);
    let after = after.unwrap_or_else(|| before.clone());
    Ok((now != *before && now != after).then(|| {
        format!(
            "number of nodes: somebody set it to {now} by hand (the stack says {before}); this deployment sets it to {after}"
        )
    }))
}

/// How many tasks there should be.
async fn tasks(account: &Account, stack: &Stack) -> anyhow::Result<Option<i32>> {
    let (Some(cluster), Some(service)) = (
        stack.outputs.get("ClusterName"),
        stack.parameters.get("ServiceName"),
    ) else {
        return Ok(None);
    };
    let ecs = aws_sdk_ecs::Client::new(&account.config);
    let described = ecs.describe_services().cluster(cluster).services(service);
    let described = described.send().await.context("describing the service")?;
    let service = described.services().first();
    Ok(service.map(aws_sdk_ecs::types::Service::desired_count))
}

/// How many instances there should be.
async fn instances(account: &Account, stack: &Stack) -> anyhow::Result<Option<i32>> {
    let Some(group) = stack.outputs.get("AutoScalingGroupName") else {
        return Ok(None);
    };
    let groups = aws_sdk_autoscaling::Client::new(&account.config);
    let described = groups
        .describe_auto_scaling_groups()
        .auto_scaling_group_names(group);
    let described = described.send().await.context("describing the group")?;
    let group = described.auto_scaling_groups().first();
    Ok(group.and_then(aws_sdk_autoscaling::types::AutoScalingGroup::desired_capacity))
}

async fn existing(
    options: &Deploy,
    account: &Account,
    name: &str,
) -> anyhow::Result<Option<Existing>> {
    let Some(mut stack) = account.stacks.look(name).await? else {
        return Ok(None);
    };
    if options.workload == Workload::Ec2 && options.place.endpoint_url.is_some() {
        moto::read_parameters(&mut stack.parameters);
    }
    // One that was never complete is not compared, and may have none.
    let template = match step::next(Some(stack.found()), Vec::new()) {
        Step::Keep | Step::Change { .. } => account.stacks.template(name).await?,
        _ => String::new(),
    };
    Ok(Some(Existing { stack, template }))
}

/// Deletes what an interrupted run has prepared. What remains is still recorded in `pending`.
pub async fn abandon(options: &Deploy, pending: &Pending) -> anyhow::Result<()> {
    let account = Account::open(&options.place).await?;
    let role = options.role_arn.clone();
    let account = account.with(role, options.tags()).noting(pending.clone());
    account.stacks.abandon().await;
    Ok(())
}
