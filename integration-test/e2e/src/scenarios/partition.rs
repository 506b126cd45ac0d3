//! `partition`: the network splits and heals, and the cluster is one again, the same as before.

use std::time::Duration;

use anyhow::ensure;
use futures::future::{try_join, try_join_all};
use observe::events::Events;
use serde_json::Value;

use super::expect::{REMOVED, be_cluster, form_as_one, one_side, within};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    nodes::{node::Node, settings::Settings},
    record::Record,
};

/// The nodes of the smaller side; two, since a single node has nobody to gossip with.
const SMALLER_SIDE: usize = 2;

/// So that the other side is larger.
const AT_LEAST: usize = 5;

/// The longest time from the healing of the network until all are one cluster again.
const MERGED: Duration = Duration::from_secs(10);

/// Shows it with `nodes` tasks, and no fewer than five.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let nodes = nodes.max(AT_LEAST);
    let unready = Settings::default()
        .with("MEMBERSHIP_MINORITY_AFTER", "1s")
        .with("MEMBERSHIP_ON_MINORITY", "unready");
    let mut fleet = Fleet::create(sandbox).on_network().with(unready);
    let whole = form_as_one(&mut fleet, record, nodes).await?;

    fleet.split(SMALLER_SIDE);
    let all = fleet.nodes();
    let (one, other) = all.split_at(SMALLER_SIDE);
    try_join(
        record.step(
            format!(
                "the network splits: {} nodes see only each other",
                one.len()
            ),
            within(REMOVED, async || {
                let id = one_side(one).await?;
                ensure!(id == whole, "the cluster was {whole} and is {id}");
                Ok(())
            }),
        ),
        record.step(
            format!(
                "the network splits: the other {} see only each other",
                other.len()
            ),
            be_cluster(REMOVED, other, &whole),
        ),
    )
    .await?;

    try_join(
        record.step(
            "the smaller side reports it and is not ready",
            within(REMOVED, async || minority(one, true).await),
        ),
        record.step(
            "the larger side is ready",
            within(REMOVED, async || minority(other, false).await),
        ),
    )
    .await?;

    let [of_one, of_other] = [follow(one).await?, follow(other).await?];
    fleet.split(0);
    record
        .step(
            "the network heals: one cluster again",
            be_cluster(MERGED, &all, &whole),
        )
        .await?;
    record
        .step(
            "all are ready",
            within(MERGED, async || minority(&all, false).await),
        )
        .await?;
    record
        .step("no node raised a false alarm about its own side", async {
            nothing_against(one, &of_one)?;
            nothing_against(other, &of_other)
        })
        .await
}

async fn minority(side: &[&Node], is: bool) -> anyhow::Result<()> {
    for node in side {
        let members: Value = serde_json::from_str(&node.get("/cluster/members").await?.body)?;
        let ready = node.get("/ready").await?;
        ensure!(
            members["minority"].is_null() != is && ready.status.is_success() != is,
            "{} says {} and {ready}",
            node.name(),
            members["minority"]
        );
    }
    Ok(())
}

/// Events that report members as less well than before.
const AGAINST: [&str; 3] = ["MemberLeft", "MemberRemoved", "UnreachableMember"];

async fn follow(side: &[&Node]) -> anyhow::Result<Vec<Events>> {
    let streams = side
        .iter()
        .map(|node| Events::follow(node.management(), &AGAINST));
    Ok(try_join_all(streams).await?)
}

/// Programs that act on events move work at each of them. So events must be true for nodes that were always well, and
/// on its own side of the split each node was.
fn nothing_against(side: &[&Node], told: &[Events]) -> anyhow::Result<()> {
    for (observer, told) in side.iter().zip(told) {
        for event in told.so_far()? {
            let about = side
                .iter()
                .find(|node| event.about.node.as_deref() == Some(node.uri()));
            ensure!(
                about.is_none(),
                "{} reports {} for {}, which was always well",
                observer.name(),
                event.name,
                event.about.node.unwrap_or_default(),
            );
        }
    }
    Ok(())
}
