//! `cargo xtask deploy`.

use anyhow::{Context, bail, ensure};
use options::deploy::{Deploy, Network, Place, Workload};

use super::{
    account::{Account, Vpc},
    evidence, image,
    plan::{self, Outputs, Planned},
    review::{self, Change, Review},
    service_roles::{self, Presence, ServiceRole},
    stacks::{Executed, Pending, Prepared, Ready, Stack, StackError, Wanted},
    status,
    step::Step,
    terminal::{agreed, say},
};

/// A stack can appear or disappear between two calls, but not more often than this.
const MOST_SURPRISES: u32 = 5;

/// Creates or changes the stacks, in the order in which they need each other.
pub async fn deploy(options: &Deploy, pending: &Pending) -> anyhow::Result<()> {
    plan::check(options)?;
    let account = Account::open(&options.place).await?;
    let account = account.with(options.role_arn.clone(), options.tags());
    let account = account.noting(pending.clone());
    refuse_both(options, &account).await?;
    let vpc = match options.network {
        Network::DefaultVpc => Some(account.default_vpc(&options.zones).await?),
        Network::Private => None,
    };
    let mut review = Review::default();
    let done = reviewed(options, &account, vpc, &mut review).await;
    review.discard(&account).await;
    done
}

async fn reviewed(
    options: &Deploy,
    account: &Account,
    vpc: Option<Vpc>,
    review: &mut Review,
) -> anyhow::Result<()> {
    let place = &options.place;
    review.of(options, account, vpc).await?;
    let role = role_of(options, &review.changes);
    if let Some(role) = role
        && role.look(&account.config).await == Presence::Missing
    {
        say(&format!(
            "  {:<24} is created once for the account, and stays",
            role.name
        ));
    }
    if review.changes.is_empty() {
        say("nothing to change");
    } else if !options.yes && !agreed("make these changes?").await? {
        say("nothing was done");
        return Ok(());
    }

    let mut created = Vec::new();
    let done = carry_out(account, options, review, &mut created);
    if let Err(error) = done.await {
        tell_why(account, place, &error).await;
        if options.rollback {
            if let Err(left) = remove(account, &created).await {
                say(&format!(
                    "not everything could be deleted: {left:#}\nto remove everything: {}",
                    place.command("destroy")
                ));
            }
        } else {
            say(&format!(
                "to remove everything: {}",
                place.command("destroy")
            ));
        }
        return Err(error);
    }

    say("");
    status::show(place, account).await?;
    say(&format!(
        "\nnext: {}\nto remove everything: {}",
        place.command("status"),
        place.command("destroy")
    ));
    Ok(())
}

/// One stack after the other. The names and ids of those that it creates are added to `created`.
async fn carry_out(
    account: &Account,
    options: &Deploy,
    review: &mut Review,
    created: &mut Vec<(String, String)>,
) -> anyhow::Result<()> {
    let place = &options.place;
    let Review {
        changes,
        outputs,
        tag,
    } = review;
    for change in changes {
        let planned = change.planned.clone();
        // Done as soon as the repository exists: if the image cannot be built, nothing else should be created.
        if planned.name != place.repository_stack()
            && let Some(tag) = tag
        {
            publish(account, place, outputs, tag).await?;
        }
        say(&format!("\n==> {}", planned.name));
        let wanted = planned.wanted(outputs)?;
        let tell = &mut |line: &str| say(&format!("    {line}"));
        let role = role_of(options, std::slice::from_ref(change));
        if let Some(role) = role {
            role.ensure(&account.config, tell).await;
        }
        let mut new = None;
        let mut shown = change.prepared.take();
        // That is not it any more.
        if let Some(other) = shown.take_if(|it| !it.is_for(&wanted)) {
            account.stacks.discard(&other).await?;
        }
        let mut stack = put(
            account, options, &planned, &wanted, outputs, shown, &mut new,
        )
        .await;
        if let Err(error) = &stack
            && let Some(StackError::Failed(failure)) = error.downcast_ref()
            && let Some(role) = role
            && service_roles::was_too_new(failure)
            // Another run's attempt is not deleted.
            && new.is_some()
        {
            say(&format!(
                "    {} is not known everywhere in AWS yet: trying again",
                role.name
            ));
            stack = put(account, options, &planned, &wanted, outputs, None, &mut new).await;
        }
        created.extend(new.map(|id| (planned.name.clone(), id)));
        outputs.insert(planned.name, stack?.outputs);
    }
    Ok(())
}

/// Does what was shown. If the change could not be known before, it is shown now, and the person is asked again if
/// nodes are affected.
async fn put(
    account: &Account,
    options: &Deploy,
    planned: &Planned,
    wanted: &Wanted,
    outputs: &Outputs,
    mut shown: Option<Box<Prepared>>,
    new: &mut Option<String>,
) -> anyhow::Result<Stack> {
    let stacks = &account.stacks;
    let tell = &mut |line: &str| say(&format!("    {line}"));
    for _ in 0..MOST_SURPRISES {
        let prepared = match shown.take() {
            Some(prepared) => prepared,
            None => match stacks.ready(wanted, tell).await? {
                Ready::Done(stack) => return Ok(*stack),
                Ready::Change(prepared) => {
                    let agreed = shown_late(account, options, planned, &prepared, outputs).await;
                    if !matches!(agreed, Ok(true)) {
                        stacks.discard(&prepared).await?;
                        agreed?;
                        bail!("{} was not changed, and no stack after it", planned.name);
                    }
                    prepared
                }
            },
        };
        if let Executed::Done(stack) = stacks.execute(*prepared, new, tell).await? {
            return Ok(*stack);
        }
    }
    bail!("{} changed each time that it was looked at", planned.name)
}

/// Whether it may be done.
async fn shown_late(
    account: &Account,
    options: &Deploy,
    planned: &Planned,
    prepared: &Prepared,
    outputs: &Outputs,
) -> anyhow::Result<bool> {
    let Some(stack) = prepared.existing() else {
        return Ok(true);
    };
    let is_noticed = review::show(account, planned, Some(stack), prepared.effects(), outputs);
    Ok(!is_noticed.await? || options.yes || agreed("do this as well?").await?)
}

/// The role that a service of AWS needs for what is to be created.
fn role_of(options: &Deploy, changes: &[Change]) -> Option<ServiceRole> {
    let (stack, role) = match options.workload {
        Workload::Ecs => (options.place.service_stack(), service_roles::ECS),
        Workload::Ec2 => (options.place.instances_stack(), service_roles::AUTO_SCALING),
    };
    let creates = |change: &Change| {
        let step = &change.step;
        change.planned.name == stack
            && matches!(step, Step::Create | Step::Replace(_) | Step::Wait { .. })
    };
    changes.iter().any(creates).then_some(role)
}

/// Tells what there is to be known of the failure of a stack.
async fn tell_why(account: &Account, place: &Place, error: &anyhow::Error) {
    say("");
    if let Some(StackError::Failed(failure)) = error.downcast_ref() {
        let evidence = evidence::gather(account, failure, &place.name).await;
        let lines = evidence::lines(failure, &evidence);
        lines.iter().for_each(|line| say(line));
    }
}

/// Deletes what this run has created, in reverse order.
async fn remove(account: &Account, created: &[(String, String)]) -> anyhow::Result<()> {
    for (name, id) in created.iter().rev() {
        say(&format!("\n==> {name} is deleted again"));
        let tell = &mut |line: &str| say(&format!("    {line}"));
        account.stacks.delete(id, tell).await?;
    }
    Ok(())
}

/// Tasks and instances with one name would share a network stack, which serves only one of them.
async fn refuse_both(options: &Deploy, account: &Account) -> anyhow::Result<()> {
    let other = plan::other_stack(options);
    ensure!(
        account.stacks.find(&other).await?.is_none(),
        "{} is already deployed, as {other}: {}",
        options.place.name,
        plan::one_kind(options)
    );
    Ok(())
}

/// Publishes the image, unless its place is known.
async fn publish(
    account: &Account,
    place: &Place,
    outputs: &mut Outputs,
    tag: &str,
) -> anyhow::Result<()> {
    let of_repository = outputs.get_mut(&place.repository_stack());
    let of_repository = of_repository.context("the repository's stack does not exist")?;
    if of_repository.contains_key(plan::IMAGE) {
        return Ok(());
    }
    let repository = of_repository
        .get("RepositoryUri")
        .context("the repository's stack does not give the repository's URI")?;
    let image = image::publish(account, repository, tag).await?;
    of_repository.insert(plan::IMAGE.to_owned(), image);
    Ok(())
}
