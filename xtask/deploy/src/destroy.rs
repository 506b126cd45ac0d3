//! `cargo xtask destroy`.

use discovery::excerpt;
use options::deploy::Destroy;

use super::{
    account::Account,
    evidence::{self, Evidence},
    leftovers,
    stacks::StackError,
    terminal::{agreed, say},
};

/// CloudFormation deregisters them, and deletes none.
const TASK_DEFINITION: &str = "AWS::ECS::TaskDefinition";

/// How much of an error is shown, in characters.
const LONGEST: usize = 300;

/// Deletes the stacks, the last one first.
pub async fn destroy(options: &Destroy) -> anyhow::Result<()> {
    let place = &options.place;
    let account = Account::open(place).await?;
    let account = account.with(options.role_arn.clone(), Default::default());
    let mut found = Vec::new();
    // Each before those that it needs.
    for name in place.stacks().into_iter().rev() {
        found.extend(account.stacks.find(&name).await?);
    }
    if found.is_empty() {
        say(&format!(
            "there is nothing of {} in {}",
            place.name,
            account.region()
        ));
        return Ok(());
    }

    say(&format!("in {} is deleted:", account.region()));
    for stack in &found {
        say(&format!("  {}", stack.name));
    }
    if !options.yes && !agreed("go on?").await? {
        say("nothing was done");
        return Ok(());
    }
    for stack in &found {
        say(&format!("\n==> {}", stack.name));
        let tell = &mut |line: &str| say(&format!("    {line}"));
        let definitions = account.stacks.names_of(stack, TASK_DEFINITION).await?;
        // By its id: what is created under this name from now on is not what was shown.
        let deleted = account.stacks.delete(&stack.id, tell).await;
        if let Err(StackError::Failed(failure)) = &deleted {
            say("");
            let lines = evidence::lines(failure, &Evidence::default());
            lines.iter().for_each(|line| say(line));
        }
        deleted?;
        for family in leftovers::families(&definitions) {
            // They cost nothing: who may not delete them is told, and that is all.
            match leftovers::delete_family(&account, &family).await {
                Ok(0) => {}
                Ok(count) => say(&format!(
                    "    task definitions that it left are deleted: {count}"
                )),
                Err(error) => say(&format!(
                    "    task definitions of {family} are left, which cost nothing: {}",
                    excerpt(&format!("{error:#}"), LONGEST)
                )),
            }
        }
    }
    say("\nall is deleted");
    Ok(())
}
