//! `cargo xtask destroy`.

use options::deploy::Destroy;

use super::{
    account::Account,
    evidence::{self, Evidence},
    leftovers,
    stacks::StackError,
    terminal::{agreed, say},
};

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
            "there are no stacks of {} in {}",
            place.name,
            account.region()
        ));
        return Ok(());
    }

    say(&format!("to be deleted in {}:", account.region()));
    for stack in &found {
        say(&format!("  {}", stack.name));
    }
    if !options.yes && !agreed("delete these stacks?").await? {
        say("nothing was done");
        return Ok(());
    }
    for stack in &found {
        say(&format!("\n==> {}", stack.name));
        let tell = &mut |line: &str| say(&format!("    {line}"));
        let deleted = leftovers::delete(&account, stack, tell).await;
        if let Err(StackError::Failed(failure)) = &deleted {
            say("");
            let lines = evidence::lines(failure, &Evidence::default());
            lines.iter().for_each(|line| say(line));
        }
        deleted?;
    }
    say("\neverything is deleted");
    Ok(())
}
