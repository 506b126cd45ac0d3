//! What a deployment would do, found out and shown before anybody is asked to agree.
//!
//! Changes nothing but change sets, which it makes and which nobody has executed.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use aws_sdk_ecs::types::Service;
use options::deploy::{Deploy, Place, Workload};

use crate::{
    account::{Account, Vpc},
    differences::moto,
    image,
    plan::{self, Existing, Outputs, Planned},
    stacks::{Effect, Preparation, Prepared, Stack, consequences, lines, refused},
    step::{self, OnFailure, Step},
    terminal::say,
};

/// Where a deployment is, for whoever interrupts it.
#[derive(Debug, Default)]
pub struct Pending(AtomicBool);

/// A stack that is not as it should be.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) planned: Planned,
    pub(super) step: Step,
    /// What was shown; none where that cannot be known yet.
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

impl Pending {
    /// Whether there may be change sets that nobody has executed.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, any: bool) {
        self.0.store(any, Ordering::Relaxed);
    }
}

impl Review {
    /// Looks at each stack, and shows what would be done with it.
    pub(super) async fn of(
        &mut self,
        options: &Deploy,
        account: &Account,
        vpc: Option<Vpc>,
        pending: &Pending,
    ) -> anyhow::Result<()> {
        let place = &options.place;
        if plan::publishes(options) {
            self.tag = Some(image::tag().await?);
        }
        say(&format!("in {}:", account.region()));
        for planned in plan::plan(options, vpc)? {
            let existing = existing(options, account, &planned.name).await?;
            let mut step = planned.step(existing.as_ref(), &self.outputs);
            let stack = existing.map(|existing| existing.stack);
            pending.set(true);
            let prepared = self
                .prepare(account, &planned, stack.as_ref(), &mut step)
                .await?;
            say(&format!("  {:<24} {step}", planned.name));
            let effects = prepared.as_ref().map(|it| it.effects()).unwrap_or_default();
            let shown = show(account, &planned, stack.as_ref(), effects, &self.outputs).await;
            // What a stack of another state gives, it does not give for long.
            if let (Some(stack), Step::Keep | Step::Change { .. }) = (stack, &step) {
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
            if is_repository {
                self.look_for_image(account, place).await?;
            }
        }
        Ok(())
    }

    /// Has CloudFormation say what it would do, where all is known that it must be told. It knows better than a comparison
    /// whether there is anything to do.
    async fn prepare(
        &self,
        account: &Account,
        planned: &Planned,
        stack: Option<&Stack>,
        step: &mut Step,
    ) -> anyhow::Result<Option<Box<Prepared>>> {
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
        Ok(match account.stacks.prepare(&wanted, existing).await? {
            Preparation::Ready(prepared) => {
                if *step == Step::Keep {
                    *step = Step::Change {
                        points: vec!["as CloudFormation finds".to_owned()],
                        on_failure: OnFailure::TakeBack,
                    };
                }
                Some(prepared)
            }
            // One that has failed is told by the attempt.
            Preparation::Needless => {
                if stack.is_some_and(|stack| step::is_complete(&stack.status)) {
                    *step = Step::Keep;
                }
                None
            }
            Preparation::Surprised => None,
        })
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

    /// Throws away what nobody has executed. Where that fails it is said, and the next run does it.
    pub(super) async fn discard(&mut self, account: &Account) {
        let prepared = self.changes.iter_mut().filter_map(|it| it.prepared.take());
        for prepared in prepared {
            if let Err(error) = account.stacks.discard(&prepared).await {
                say(&format!(
                    "what was prepared for {} is left, and the next run throws it away: {:#}",
                    prepared.stack(),
                    anyhow::Error::from(error)
                ));
            }
        }
    }
}

/// Shows what is done to each resource, and what that means. Gives whether nodes notice.
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

/// What becomes of the number of nodes where somebody has set it, but not by this stack.
async fn count(
    account: &Account,
    planned: &Planned,
    stack: &Stack,
    effects: &[Effect],
    outputs: &Outputs,
) -> anyhow::Result<Option<String>> {
    let is_touched = effects
        .iter()
        .any(|effect| effect.kind == "AWS::ECS::Service");
    let parameter = |key: &str| stack.parameters.get(key);
    let (Some(cluster), Some(service), Some(before), true) = (
        stack.outputs.get("ClusterName"),
        parameter("ServiceName"),
        parameter("DesiredCount"),
        is_touched,
    ) else {
        return Ok(None);
    };
    let ecs = aws_sdk_ecs::Client::new(&account.config);
    let described = ecs.describe_services().cluster(cluster).services(service);
    let described = described.send().await.context("describing the service")?;
    let Some(now) = described.services().first().map(Service::desired_count) else {
        return Ok(None);
    };
    let now = now.to_string();
    let after = planned.parameter("DesiredCount", outputs);
    let after = after.unwrap_or_else(|| before.clone());
    Ok((now != *before && now != after).then(|| {
        format!(
            "the service is set to {after} nodes: it should have {now} now, which somebody has set, and not by this stack ({before})"
        )
    }))
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

/// Throws away what an interrupted run has prepared.
pub async fn discard_leftovers(options: &Deploy) -> anyhow::Result<()> {
    let account = Account::open(&options.place).await?;
    let role = options.role_arn.clone();
    let account = account.with(role, options.tags());
    for name in options.place.stacks() {
        account.stacks.discard_leftover(&name).await?;
    }
    Ok(())
}
