//! `cargo xtask status`.

mod host;
mod instances;
mod table;
pub mod tasks;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::anyhow;
use demo_node::cli::{
    Screen,
    terminal::{Looks, looks},
};
use observe::{
    http,
    members::{self, Members},
};
use options::deploy::{Place, Status};
use tokio::{task::JoinSet, time::sleep};

use self::table::{Row, table};
use super::{
    account::Account,
    stacks::{Cause, Stack},
    step,
    terminal::say,
};

/// Where nodes answer, if at all from here.
const MANAGEMENT_PORT: u16 = 7626;

/// Shows the stacks and the cluster: once, or repeatedly.
pub async fn status(options: &Status) -> anyhow::Result<()> {
    let account = Account::open(&options.place).await?;
    match options.watch {
        None => show(&options.place, &account).await,
        Some(pause) => watch(&options.place, &account, pause).await,
    }
}

pub(super) async fn show(place: &Place, account: &Account) -> anyhow::Result<()> {
    say(&seen(place, account, looks()).await?);
    Ok(())
}

/// Repeats until somebody ends it.
async fn watch(place: &Place, account: &Account, pause: Duration) -> anyhow::Result<()> {
    let mut screen = Screen::default();
    loop {
        // What fails now may work soon.
        let now = match seen(place, account, looks()).await {
            Ok(now) => now,
            Err(error) => format!("error: {error:#}"),
        };
        screen
            .show(now)
            .map_err(|failure| anyhow!(failure.message))?;
        sleep(pause).await;
    }
}

async fn seen(place: &Place, account: &Account, looks: Looks) -> anyhow::Result<String> {
    let (mut rows, mut words) = (Vec::new(), Vec::new());
    let mut deployed = false;
    let mut unfinished = false;
    let mut hosts = Vec::new();
    for name in place.stacks() {
        let Some(stack) = account.stacks.find(&name).await? else {
            continue;
        };
        rows.push(of_stack(&name, stack.status.as_str()));
        unfinished |= !step::is_complete(&stack.status);
        let reasons = why(account, &stack).await;
        words.extend(
            reasons
                .into_iter()
                .map(|reason| format!("{name}: {reason}")),
        );
        if let Some(cluster) = stack.outputs.get("ClusterName") {
            deployed = true;
            let (service, tasks) = tasks::of_service(account, cluster, &place.name).await?;
            rows.extend(service);
            hosts.extend(tasks);
        }
        if let Some(group) = stack.outputs.get("AutoScalingGroupName") {
            deployed = true;
            hosts.extend(instances::of_group(account, group).await?);
        }
    }
    if !deployed {
        let (name, region) = (&place.name, account.region());
        words.push(match unfinished {
            true => format!("the cluster {name} in {region} is not complete: see its stacks above"),
            false => format!("there is no cluster {name} in {region}"),
        });
        return Ok(shown(&rows, words, looks));
    }
    rows.extend(hosts.iter().map(host::Host::row));

    let addresses = hosts.iter().filter_map(|host| host.address);
    match first(addresses.map(ask)).await {
        Some(members) => rows.extend(of_members(&members)),
        None if hosts.is_empty() => {}
        None => words.push(
            "members  cannot be asked from here, by design: nothing can be reached from\n\
             \x20        outside. A task that is HEALTHY is a member"
                .to_owned(),
        ),
    }
    Ok(shown(&rows, words, looks))
}

/// The table, and below it what needs whole lines.
fn shown(rows: &[Row], words: Vec<String>, looks: Looks) -> String {
    let table = Some(table(rows, looks)).filter(|table| !table.is_empty());
    let both: Vec<_> = table.into_iter().chain(words).collect();
    both.join("\n")
}

/// What failed in a stack that is not as it should be, and what to do next.
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

/// The first answer to several questions that are asked at once; none if there is no answer.
async fn first<T: Send + 'static>(
    questions: impl IntoIterator<Item = impl Future<Output = Option<T>> + Send + 'static>,
) -> Option<T> {
    let mut asked: JoinSet<_> = questions.into_iter().collect();
    while let Some(answer) = asked.join_next().await {
        if let Ok(Some(answer)) = answer {
            return Some(answer);
        }
    }
    None
}

async fn ask(address: Ipv4Addr) -> Option<Members> {
    let management = SocketAddr::from((address, MANAGEMENT_PORT));
    let answer = http::get(management, members::PATH).await.ok()?;
    let members = Members::read(&answer).ok()?;
    // A node in no cluster yet has nothing to say.
    (!members.members.is_empty()).then_some(members)
}

fn of_stack(name: &str, status: &str) -> Row {
    Row {
        is_bad: status.contains("FAILED") || status.contains("ROLLBACK"),
        ..Row::new("stack", name, status)
    }
}

/// The cluster, for people.
fn of_members(members: &Members) -> Vec<Row> {
    let mut rows = vec![Row::new("members", &members.members.len().to_string(), "")];
    for member in &members.members {
        let mut state = member.status.clone();
        if members.leader.as_ref() == Some(&member.node) {
            state.push_str(", leader");
        }
        let is_bad = members
            .unreachable
            .iter()
            .any(|one| one.node == member.node);
        if is_bad {
            state.push_str(", does not answer");
        }
        rows.push(Row {
            is_bad,
            ..Row::new("", socket(&member.node), &state)
        });
    }
    rows
}

/// `cluster://orders@10.0.0.1:7355` without what all have in common.
fn socket(node: &str) -> &str {
    node.rsplit('@').next().unwrap_or(node)
}

#[cfg(test)]
mod tests {
    use std::future;

    use observe::members::{Member, Unreachable};

    use super::*;

    #[tokio::test]
    async fn who_answers_need_not_wait_for_who_does_not() {
        let ask = |n: u32| async move {
            match n {
                0 => future::pending().await,
                1 => None,
                n => Some(n),
            }
        };
        assert_eq!(first([0, 1, 2].map(ask)).await, Some(2));
        assert_eq!(first([1, 1].map(ask)).await, None);
    }

    #[test]
    fn of_the_members_the_leader_is_marked_and_who_does_not_answer() {
        let node = |n| format!("cluster://orders@10.0.0.{n}:7355");
        let member = |n| Member {
            node: node(n),
            status: "Up".to_owned(),
        };
        let members = Members {
            self_node: node(2),
            members: vec![member(1), member(2)],
            unreachable: vec![Unreachable { node: node(2) }],
            leader: Some(node(1)),
            oldest: Some(node(2)),
            cluster: None,
        };

        let mut lost = Row::new("", "10.0.0.2:7355", "Up, does not answer");
        lost.is_bad = true;
        assert_eq!(
            of_members(&members),
            [
                Row::new("members", "2", ""),
                Row::new("", "10.0.0.1:7355", "Up, leader"),
                lost,
            ]
        );
    }

    #[test]
    fn of_the_stacks_those_are_bad_that_failed_or_went_back() {
        let bad = |status| of_stack("orders-service", status).is_bad;

        assert!(bad("CREATE_FAILED") && bad("UPDATE_ROLLBACK_COMPLETE"));
        assert!(!bad("CREATE_COMPLETE") && !bad("UPDATE_IN_PROGRESS"));
    }
}
