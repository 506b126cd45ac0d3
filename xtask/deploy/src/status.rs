//! `cargo xtask status`.

mod host;
mod instances;
pub mod tasks;

use std::net::{Ipv4Addr, SocketAddr};

use observe::{
    http,
    members::{self, Members},
};
use options::deploy::{Place, Status};

use super::{
    account::Account,
    stacks::{Cause, Stack},
    step,
    terminal::say,
};

/// Where nodes answer, if at all from here.
const MANAGEMENT_PORT: u16 = 7626;

/// Shows the stacks and the cluster.
pub async fn status(options: &Status) -> anyhow::Result<()> {
    let account = Account::open(&options.place).await?;
    show(&options.place, &account).await
}

pub(super) async fn show(place: &Place, account: &Account) -> anyhow::Result<()> {
    let mut deployed = false;
    let mut unfinished = false;
    let mut hosts = Vec::new();
    for name in place.stacks() {
        let Some(stack) = account.stacks.find(&name).await? else {
            continue;
        };
        say(&format!("stack    {name:<24} {}", stack.status));
        unfinished |= !step::is_complete(&stack.status);
        for line in why(account, &stack).await {
            say(&format!("         {line}"));
        }
        if let Some(cluster) = stack.outputs.get("ClusterName") {
            deployed = true;
            hosts.extend(tasks::of_service(account, cluster, &place.name).await?);
        }
        if let Some(group) = stack.outputs.get("AutoScalingGroupName") {
            deployed = true;
            hosts.extend(instances::of_group(account, group).await?);
        }
    }
    if !deployed {
        let (name, region) = (&place.name, account.region());
        say(&match unfinished {
            true => format!("the cluster {name} in {region} is not complete: see its stacks above"),
            false => format!("there is no cluster {name} in {region}"),
        });
        return Ok(());
    }
    for host in &hosts {
        say(&host.line());
    }

    let mut told = None;
    for address in hosts.iter().filter_map(|host| host.address) {
        told = ask(address).await;
        if told.is_some() {
            break;
        }
    }
    match told {
        Some(members) => lines(&members).iter().for_each(|line| say(line)),
        None if hosts.is_empty() => {}
        None => say(
            "members  cannot be asked from here, by design: nothing is reachable from outside. \
             A task that is HEALTHY is a member",
        ),
    }
    Ok(())
}

/// What failed in a stack that is not as it was to be, and what leads on.
async fn why(account: &Account, stack: &Stack) -> Vec<String> {
    let Some(next) = step::out_of(&stack.status) else {
        return Vec::new();
    };
    let mut lines = match account.stacks.causes(stack).await {
        Ok(causes) => causes.iter().map(Cause::to_string).collect(),
        Err(error) => vec![format!("{:#}", anyhow::Error::from(error))],
    };
    lines.push(next.to_owned());
    lines
}

async fn ask(address: Ipv4Addr) -> Option<Members> {
    let management = SocketAddr::from((address, MANAGEMENT_PORT));
    let answer = http::get(management, members::PATH).await.ok()?;
    let members = Members::read(&answer).ok()?;
    // Who is in no cluster yet has nothing to tell.
    (!members.members.is_empty()).then_some(members)
}

/// The cluster, for people.
fn lines(members: &Members) -> Vec<String> {
    let mut lines = vec![format!("members  {}", members.members.len())];
    for member in &members.members {
        let leads = members.leader.as_ref() == Some(&member.node);
        let leads = if leads { "leader" } else { "" };
        let line = format!("         {} {} {leads}", member.node, member.status);
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use observe::members::Member;

    #[test]
    fn of_the_members_the_leader_is_marked() {
        let node = |n| format!("cluster://orders@10.0.0.{n}:7355");
        let member = |n| Member {
            node: node(n),
            status: "Up".to_owned(),
        };
        let members = Members {
            self_node: node(2),
            members: vec![member(1), member(2)],
            unreachable: Vec::new(),
            leader: Some(node(1)),
            oldest: Some(node(2)),
            cluster: None,
        };

        assert_eq!(
            lines(&members),
            [
                "members  2",
                "         cluster://orders@10.0.0.1:7355 Up leader",
                "         cluster://orders@10.0.0.2:7355 Up",
            ]
        );
    }
}
