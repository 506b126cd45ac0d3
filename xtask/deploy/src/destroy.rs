//! `cargo xtask destroy`.

use options::deploy::Destroy;

use super::{
    account::Account,
    evidence::{self, Evidence},
    stacks::StackError,
    terminal::{agreed, say},
};

/// Deletes the stacks, the last one first.
pub async fn destroy(options: &Destroy) -> anyhow::Result<()> {
    let place = &options.place;
    let account = Account::open(place).await?;
    let mut found = Vec::new();
    // Each before those that it needs.
    for name in place.stacks().into_iter().rev() {
        if account.stacks.find(&name).await?.is_some() {
            found.push(name);
        }
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
    for name in &found {
        say(&format!("  {name}"));
    }
    if !options.yes && !agreed("go on?").await? {
        say("nothing was done");
        return Ok(());
    }
    for name in &found {
        say(&format!("\n==> {name}"));
        let tell = &mut |line: &str| say(&format!("    {line}"));
        let deleted = account.stacks.delete(name, tell).await;
        if let Err(StackError::Failed(failure)) = &deleted {
            say("");
            let lines = evidence::lines(failure, &Evidence::default());
            lines.iter().for_each(|line| say(line));
        }
        deleted?;
    }
    say("\nall is deleted");
    Ok(())
}
