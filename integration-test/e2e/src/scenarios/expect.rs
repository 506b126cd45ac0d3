//! What must become true among nodes, as seen from outside.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, ensure};
use futures::future::{join_all, try_join_all};
use observe::{eventually::eventually, members::Members};
use tokio::time::timeout;

use crate::{
    local::fleet::{Departing, Fleet},
    nodes::{
        node::{Node, View},
        process::Ended,
    },
    record::Record,
};

/// The time from the start of the first process until the last node is ready.
/// Nodes need a second or two; the rest is for a busy machine.
pub(super) const FORMING: Duration = Duration::from_secs(20);

/// The longest time from the loss of a node until no member lists it.
pub(super) const REMOVED: Duration = Duration::from_secs(10);

/// The longest time from SIGTERM until no member lists it.
pub(super) const LEFT: Duration = Duration::from_secs(2);

/// The longest time from SIGTERM until the process has ended.
const GRACE: Duration = Duration::from_secs(10);

/// Waits until `look` finds no problem. Fails if a node that should run has ended.
pub(super) async fn within<T>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    eventually(limit, async || match look().await {
        Ok(seen) => Ok(Ok(seen)),
        Err(error) if error.is::<Ended>() => Ok(Err(error)),
        Err(error) => Err(format!("{error:#}")),
    })
    .await?
}

/// Brings the fleet up to this many tasks, and shows that they are one cluster. Returns its id.
pub(super) async fn form_as_one(
    fleet: &mut Fleet<'_>,
    record: &Record,
    tasks: usize,
) -> anyhow::Result<String> {
    fleet.scale_out(tasks)?;
    let nodes = fleet.nodes();
    let forming = form_one_cluster(FORMING, &nodes);
    record
        .step(format!("{tasks} tasks form one cluster"), forming)
        .await
}

/// Waits until exactly these `nodes` are one cluster. Returns its id.
///
/// There must not be another cluster among them even for a moment.
pub(crate) async fn form_one_cluster(limit: Duration, nodes: &[&Node]) -> anyhow::Result<String> {
    let mut seen = BTreeSet::new();
    let id = within(limit, async || {
        seen.extend(clusters(nodes).await);
        one_cluster(nodes).await
    })
    .await?;

    seen.remove(&id);
    ensure!(
        seen.is_empty(),
        "they are in {id}, but before some were in {seen:?}"
    );
    Ok(id)
}

/// The same, and it is this cluster.
pub(super) async fn be_cluster(limit: Duration, nodes: &[&Node], id: &str) -> anyhow::Result<()> {
    let now = form_one_cluster(limit, nodes).await?;
    ensure!(now == id, "the cluster was {id} and is {now}");
    Ok(())
}

/// Exactly these `nodes` are one cluster, and each of them says so. Returns its id.
pub(super) async fn one_cluster(nodes: &[&Node]) -> anyhow::Result<String> {
    let cluster = one_side(nodes).await?;
    try_join_all(nodes.iter().map(|node| node.ready())).await?;
    Ok(cluster)
}

/// The same, whether they are ready or not.
pub(super) async fn one_side(nodes: &[&Node]) -> anyhow::Result<String> {
    agreed(&try_join_all(nodes.iter().map(|node| node.view())).await?)
}

/// Exactly the asked nodes are one cluster, and each of them says so. Returns its id.
pub(super) fn agreed(views: &[View]) -> anyhow::Result<String> {
    let expected: BTreeSet<&str> = views.iter().map(|view| view.uri.as_str()).collect();
    let first = views.first().context("a cluster has a node")?;
    for View { name, uri, members } in views {
        ensure!(
            &members.self_node == uri,
            "{name} calls itself {}",
            members.self_node
        );
        let up: BTreeSet<_> = up(members).collect();
        let missing: Vec<_> = expected.difference(&up).collect();
        ensure!(missing.is_empty(), "{name} lacks {missing:?}");
        let more: Vec<_> = up.difference(&expected).collect();
        ensure!(more.is_empty(), "{name} must not see {more:?}");
        ensure!(
            members.members.len() == expected.len(),
            "{name} lists members that are not up: {:?}",
            members.members
        );
        ensure!(
            members.unreachable.is_empty(),
            "{name} cannot reach {:?}",
            members.unreachable
        );
        ensure!(members.leader.is_some(), "{name} sees no leader");
        ensure!(members.oldest.is_some(), "{name} sees no oldest member");
        let theirs = &first.members;
        ensure!(
            (&members.leader, &members.oldest, &members.cluster)
                == (&theirs.leader, &theirs.oldest, &theirs.cluster),
            "{name} and {} disagree: {members:?}, {theirs:?}",
            first.name
        );
    }
    let cluster = first.members.cluster.as_ref();
    let cluster = cluster.context("no node knows its cluster's id")?;
    Ok(cluster.id.clone())
}

/// The clusters that nodes say they are in, as far as they answer.
async fn clusters(nodes: &[&Node]) -> impl Iterator<Item = String> + use<> {
    let answers = join_all(nodes.iter().map(|node| node.members())).await;
    answers
        .into_iter()
        .filter_map(|answer| Some(answer.ok()?.cluster?.id))
}

/// One of `nodes` sees that this one cannot be reached.
pub(super) async fn seen_unreachable(nodes: &[&Node], uri: &str) -> anyhow::Result<()> {
    let answers = try_join_all(nodes.iter().map(|node| node.members())).await?;
    let seen = answers
        .iter()
        .any(|answer| answer.unreachable.iter().any(|node| node.node == uri));
    ensure!(seen, "{uri} is reachable to all of {}", nodes.len());
    Ok(())
}

/// None of `nodes` lists this one any more.
pub(super) async fn gone(nodes: &[&Node], uri: &str) -> anyhow::Result<()> {
    let answers = try_join_all(nodes.iter().map(|node| node.members())).await?;
    for (node, answer) in nodes.iter().zip(&answers) {
        let member = answer.members.iter().find(|member| member.node == uri);
        if let Some(member) = member {
            anyhow::bail!("{} still lists {} as {}", node.name(), uri, member.status);
        }
    }
    Ok(())
}

/// A task that is asked to stop does so within its grace period, with exit status 0.
pub(super) async fn left_in_time(task: Departing<'_>) -> anyhow::Result<()> {
    let name = task.node().name().to_owned();
    let status = timeout(GRACE, task.stop())
        .await
        .with_context(|| format!("{name} still runs"))??;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

fn up(answer: &Members) -> impl Iterator<Item = &str> {
    let up = answer.members.iter().filter(|member| member.status == "Up");
    up.map(|member| member.node.as_str())
}
