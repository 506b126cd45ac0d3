//! `wrong-clock`: the others report a node whose clock is wrong, do not wait for it, and form the cluster without it.

use anyhow::ensure;
use serde_json::Value;

use super::expect::{FORMING, form_one_cluster, within};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    nodes::node::Node,
    record::Record,
};

/// In seconds: more than nodes accept, and less than AWS refuses, which is five minutes.
const AHEAD: i64 = 120;

/// A question and its answer may take a while on a busy machine. In milliseconds.
const INACCURACY: u64 = 5_000;

/// Shows it with `nodes` tasks, one of which has the wrong clock.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut fleet = Fleet::create(sandbox);
    fleet.place(nodes)?;
    // Of the lowest address, so that it is the one that would found the cluster.
    fleet.set_clock_of_first(AHEAD)?;
    fleet.start()?;
    let all = fleet.nodes();
    let (wrong, right) = all.split_first().expect("there are three at least");

    let cluster = record
        .step(
            format!("{} of {nodes} form one cluster", nodes - 1),
            form_one_cluster(FORMING, right),
        )
        .await?;
    record
        .step(
            "they report the node with the wrong clock, and how far it is off",
            within(FORMING, async || {
                for node in right {
                    let seen = skews(&bootstrap(node).await?);
                    ensure!(is_one_by(&seen, AHEAD), "{} sees {seen:?}", node.name());
                }
                Ok(())
            }),
        )
        .await?;
    record
        .step(
            "that node waits, and reports the others' clocks",
            within(FORMING, async || {
                let status = bootstrap(wrong).await?;
                let seen = skews(&status);
                let waits = status["reason"]["rule"] == "clocks-apart";
                ensure!(
                    waits && seen.len() == right.len() && is_one_by(&seen[..1], -AHEAD),
                    "{status}"
                );
                Ok(())
            }),
        )
        .await?;
    let still = form_one_cluster(FORMING, right).await?;
    ensure!(still == cluster, "the cluster was {cluster} and is {still}");
    Ok(())
}

async fn bootstrap(node: &Node) -> anyhow::Result<Value> {
    let answer = node.get("/bootstrap").await?;
    Ok(serde_json::from_str(&answer.body)?)
}

/// How many milliseconds the clocks of contact points are ahead of the node's, if they are too far off.
fn skews(status: &Value) -> Vec<i64> {
    let points = status["contactPoints"].as_array().into_iter().flatten();
    points
        .filter_map(|point| point["clockAheadMs"].as_i64())
        .collect()
}

fn is_one_by(skews: &[i64], seconds: i64) -> bool {
    matches!(skews, [skew] if skew.abs_diff(seconds * 1000) < INACCURACY)
}
