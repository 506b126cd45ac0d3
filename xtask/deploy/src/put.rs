//! `cargo xtask deploy`.

use anyhow::{Context, ensure};
use options::deploy::{Deploy, Network, Place, Workload};

use super::{
    account::Account,
    evidence, image,
    plan::{self, Existing, Outputs, Planned},
    service_roles::{self, Presence, ServiceRole},
    status,
    step::{self, Step},
    terminal::{agreed, say},
};
use crate::{
    differences::moto,
    stacks::{StackError, refused},
};

/// A stack that is not as it should be.
struct Change {
    planned: Planned,
    step: Step,
}

/// Creates or changes the stacks, in the order in which they need each other.
pub async fn deploy(options: &Deploy) -> anyhow::Result<()> {
    plan::check(options)?;
    let place = &options.place;
    let account = Account::open(place).await?;
    refuse_both(options, &account).await?;
    let tag = match plan::publishes(options) {
        true => Some(image::tag().await?),
        false => None,
    };
    let vpc = match options.network {
        Network::DefaultVpc => Some(account.default_vpc().await?),
        Network::Private => None,
    };

    let mut outputs = Outputs::new();
    let mut changes = Vec::new();
    say(&format!("in {}:", account.region()));
    for planned in plan::plan(options, vpc)? {
        let existing = existing(options, &account, &planned.name).await?;
        let step = planned.step(existing.as_ref(), &outputs);
        say(&format!("  {:<24} {step}", planned.name));
        // What a stack of another state gives, it does not give for long.
        if let (Some(Existing { stack, .. }), Step::Keep | Step::Change { .. }) = (existing, &step)
        {
            outputs.insert(planned.name.clone(), stack.outputs);
        }
        if planned.name == place.repository_stack()
            && let Some(tag) = &tag
        {
            let found = find_image(&account, place, &mut outputs, tag).await?;
            let image = format!("image {tag}");
            say(&format!(
                "  {image:<24} {}",
                if found {
                    "is published already"
                } else {
                    "is built and pushed"
                }
            ));
        }
        match step {
            Step::Keep => {}
            Step::Refuse(refusal) => return Err(refused(&planned.name, refusal).into()),
            Step::Create
            | Step::Change { .. }
            | Step::Wait { .. }
            | Step::Replace(_)
            | Step::TakeBack => changes.push(Change { planned, step }),
        }
    }
    let role = role_of(options, &changes);
    if let Some(role) = role
        && role.look(&account.config).await == Presence::Missing
    {
        say(&format!(
            "  {:<24} is made, once for the account, and stays",
            role.name
        ));
    }
    if changes.is_empty() {
        say("nothing to change");
    } else if !options.yes && !agreed("go on?").await? {
        say("nothing was done");
        return Ok(());
    }

    let mut created = Vec::new();
    let done = carry_out(
        &account,
        options,
        &changes,
        &mut outputs,
        tag.as_deref(),
        &mut created,
    );
    if let Err(error) = done.await {
        tell_why(&account, place, &error).await;
        if options.rollback {
            if let Err(left) = remove(&account, &created).await {
                say(&format!(
                    "not all of it could be deleted: {left:#}\nto remove it all: {}",
                    place.command("destroy")
                ));
            }
        } else {
            say(&format!("to remove it all: {}", place.command("destroy")));
        }
        return Err(error);
    }

    say("");
    status::show(place, &account).await?;
    say(&format!(
        "\nnext: {}\nto remove it all: {}",
        place.command("status"),
        place.command("destroy")
    ));
    Ok(())
}

/// One stack after the other. The names and ids of those that it creates are added to `created`.
async fn carry_out(
    account: &Account,
    options: &Deploy,
    changes: &[Change],
    outputs: &mut Outputs,
    tag: Option<&str>,
    created: &mut Vec<(String, String)>,
) -> anyhow::Result<()> {
    let place = &options.place;
    for change in changes {
        let planned = &change.planned;
        // At once when the repository is there: what cannot be built is known before anything else is created.
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
        let stacks = &account.stacks;
        let mut stack = stacks.put_and_note(&wanted, &mut new, tell).await;
        if let Err(StackError::Failed(failure)) = &stack
            && let Some(role) = role
            && service_roles::was_too_new(failure)
            // Another run's attempt is not cleared away.
            && new.is_some()
        {
            tell(&format!(
                "{} is not known everywhere yet: once more",
                role.name
            ));
            stack = stacks.put_and_note(&wanted, &mut new, tell).await;
        }
        created.extend(new.map(|id| (planned.name.clone(), id)));
        outputs.insert(planned.name.clone(), stack?.outputs);
    }
    Ok(())
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

/// Deletes what this run has created, the last first.
async fn remove(account: &Account, created: &[(String, String)]) -> anyhow::Result<()> {
    for (name, id) in created.iter().rev() {
        say(&format!("\n==> {name} is deleted again"));
        let tell = &mut |line: &str| say(&format!("    {line}"));
        account.stacks.delete(id, tell).await?;
    }
    Ok(())
}

/// Tasks and instances of one name would share a network stack, which serves one of them.
async fn refuse_both(options: &Deploy, account: &Account) -> anyhow::Result<()> {
    let other = plan::other_stack(options);
    ensure!(
        account.stacks.find(&other).await?.is_none(),
        "{} is deployed already, as {other}: {}",
        options.place.name,
        plan::one_kind(options)
    );
    Ok(())
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

/// Whether the image is where it would be pushed to.
async fn find_image(
    account: &Account,
    place: &Place,
    outputs: &mut Outputs,
    tag: &str,
) -> anyhow::Result<bool> {
    let Some(of_repository) = outputs.get_mut(&place.repository_stack()) else {
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

/// Has the image published, unless it is known where it is.
async fn publish(
    account: &Account,
    place: &Place,
    outputs: &mut Outputs,
    tag: &str,
) -> anyhow::Result<()> {
    let of_repository = outputs.get_mut(&place.repository_stack());
    let of_repository = of_repository.context("the stack of the repository is not there")?;
    if of_repository.contains_key(plan::IMAGE) {
        return Ok(());
    }
    let repository = of_repository
        .get("RepositoryUri")
        .context("the stack of the repository does not say where that is")?;
    let image = image::publish(account, repository, tag).await?;
    of_repository.insert(plan::IMAGE.to_owned(), image);
    Ok(())
}
