//! `least-privilege`: the permissions of the stack's task role are enough for a cluster, and none is superfluous.
//!
//! The policy is the one in the template of the ECS service. Without any one of its statements, nodes cannot do what
//! needs it, and report the missing permission.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, bail, ensure};
use deploy::templates::{Stack, Template};
use futures::future::{try_join, try_join_all};
use hyper::StatusCode;
use region::{
    Outcome, Region,
    account::{ACCOUNT_ID, REGION, TASK_ROLE},
    policy::Statements,
};
use serde::Deserialize;
use serde_json::Value;

use super::expect::{FORMING, one_cluster, within};
use crate::{
    local::{
        fleet::{ECS_CLUSTER, Fleet},
        sandbox::{ORDERS, Sandbox},
    },
    nodes::node::Node,
    record::Record,
};

/// The template whose policy is tried.
const TEMPLATE: &str = "ecs-service.yaml";

/// Nodes can work without it: then they do not know the number of expected nodes, and wait for the stable margin.
const OPTIONAL: &str = "ecs:DescribeServices";

/// If something is missing, two nodes show it as well as more.
const FEW: usize = 2;

/// After this many failed lookups success is not expected any more: the pauses between them become longer.
const HOPELESS: u64 = 2;

/// In addition to [`FORMING`], for the stable margin.
const FORMING_WITHOUT_EXPECTATION: Duration = Duration::from_secs(30);

/// What `GET /bootstrap` says of permissions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bootstrap {
    expected_nodes: Option<usize>,
    lookups: Lookups,
    last_lookup: Option<LastLookup>,
}

#[derive(Debug, Deserialize)]
struct Lookups {
    complete: u64,
    partial: u64,
    failed: u64,
}

#[derive(Debug, Deserialize)]
struct LastLookup {
    reasons: Vec<String>,
}

/// Shows it with `nodes` tasks.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let statements = statements_of_the_stack()?;
    let without = statements.iter().enumerate().map(|(n, statement)| {
        let mut rest = statements.clone();
        rest.remove(n);
        without(sandbox, record, statement, rest)
    });
    try_join(
        with_all(sandbox, record, &statements, nodes),
        try_join_all(without),
    )
    .await?;
    Ok(())
}

/// The task role's statements, as they are in a stack whose cluster and service are those of the scenarios.
fn statements_of_the_stack() -> anyhow::Result<Vec<Value>> {
    let template = Template::read(TEMPLATE)?;
    let cluster = format!("arn:aws:ecs:{REGION}:{ACCOUNT_ID}:cluster/{ECS_CLUSTER}");
    let stack = Stack::of(&template, REGION, ACCOUNT_ID)
        .with("ServiceName", ORDERS)
        .with("Cluster", ECS_CLUSTER)
        .with_attribute("Cluster", "Arn", &cluster);
    let statements = stack.policy("TaskRole", "find-peers");
    statements.with_context(|| format!("reading the task role of {TEMPLATE}"))
}

async fn with_all(
    sandbox: &Sandbox<'_>,
    record: &Record,
    statements: &[Value],
    nodes: usize,
) -> anyhow::Result<()> {
    confine(sandbox.region(), statements)?;
    let mut fleet = Fleet::create(sandbox);
    fleet.scale_out(nodes)?;
    let whole = within(FORMING, async || {
        one_cluster(&fleet.nodes()).await?;
        // The founder of the cluster knows the number; the others learn it later.
        let mut known = 0;
        for node in fleet.nodes() {
            let expected = bootstrap(node).await?.expected_nodes;
            ensure!(
                expected.is_none_or(|expected| expected == nodes),
                "{} expects {expected:?} nodes",
                node.name()
            );
            known += usize::from(expected.is_some());
        }
        ensure!(0 < known, "no node knows how many are expected");
        every_permission_is_used(sandbox.region(), statements)
    });
    let count = statements.len();
    record
        .step(
            format!(
                "with the {count} statements of {TEMPLATE}, {nodes} tasks form one cluster and use each statement"
            ),
            whole,
        )
        .await
}

async fn without(
    sandbox: &Sandbox<'_>,
    record: &Record,
    statement: &Value,
    rest: Vec<Value>,
) -> anyhow::Result<()> {
    let [action] = actions(statement).try_into().map_err(|actions| {
        anyhow::anyhow!(
            "one statement allows several actions, {actions:?}: this test cannot tell them apart"
        )
    })?;
    let sid = statement["Sid"].as_str().unwrap_or(&action).to_owned();
    let sandbox = sandbox.another(&format!("without-{sid}")).await?;
    confine(sandbox.region(), &rest)?;
    let mut fleet = Fleet::create(&sandbox);
    fleet.scale_out(FEW)?;

    if action == OPTIONAL {
        let forming = within(FORMING_WITHOUT_EXPECTATION, async || {
            for node in fleet.nodes() {
                expects_nothing_for_lack_of(node, &action).await?;
            }
            one_cluster(&fleet.nodes()).await
        });
        let what = format!(
            "without {sid}, nodes report {action}, know no number of expected nodes, and form a cluster after the stable margin"
        );
        record.step(what, forming).await?;
    } else {
        let hopeless = within(FORMING, async || {
            let nodes = fleet.nodes();
            let nodes = nodes
                .iter()
                .map(|node| forms_nothing_for_lack_of(node, &action));
            try_join_all(nodes).await
        });
        let what = format!("without {sid}, no cluster forms and the nodes report {action}");
        record.step(what, hopeless).await?;
    }
    Ok(())
}

/// From now on, tasks may only do this.
fn confine(region: &Region, statements: &[Value]) -> anyhow::Result<()> {
    let statements = Statements::read(statements)?;
    region.edit(|account| account.role_mut(TASK_ROLE).allow_only(statements));
    Ok(())
}

/// No lookup is complete, and only a complete one may found a cluster: this does not change by itself.
async fn forms_nothing_for_lack_of(node: &Node, action: &str) -> anyhow::Result<()> {
    let name = node.name();
    let state = bootstrap(node).await?;
    let Lookups {
        complete,
        partial,
        failed,
    } = state.lookups;
    ensure!(complete == 0, "{name} has seen all of its peers");
    ensure!(
        HOPELESS <= partial + failed,
        "{name} has failed {failed} times"
    );
    let reasons = state
        .last_lookup
        .map(|last| last.reasons)
        .unwrap_or_default();
    ensure!(
        reasons.iter().any(|reason| reason.contains(action)),
        "{name} says {reasons:?}"
    );
    let cluster = node.members().await?.cluster;
    ensure!(cluster.is_none(), "{name} is in {cluster:?}");
    ensure!(node.ready().await.is_err(), "{name} is ready");
    Ok(())
}

/// It says so once, in its log.
async fn expects_nothing_for_lack_of(node: &Node, action: &str) -> anyhow::Result<()> {
    let name = node.name();
    let expected = bootstrap(node).await?.expected_nodes;
    ensure!(expected.is_none(), "{name} expects {expected:?} nodes");
    let said = node
        .log()
        .lines()
        .any(|line| line.contains("expected nodes is unknown") && line.contains(action));
    ensure!(said, "{name} does not say that it lacks {action}");
    Ok(())
}

/// Every action in a statement was requested, and allowed.
fn every_permission_is_used(region: &Region, statements: &[Value]) -> anyhow::Result<()> {
    let counts = region.calls().counts();
    let answered = counts
        .keys()
        .filter(|(_, outcome)| *outcome == Outcome::Answered);
    let used: BTreeSet<_> = answered
        .map(|(action, _)| format!("ecs:{action}"))
        .collect();
    let granted = statements.iter().flat_map(actions);
    let unused: Vec<_> = granted.filter(|action| !used.contains(action)).collect();
    ensure!(unused.is_empty(), "no node needs {unused:?}");
    Ok(())
}

async fn bootstrap(node: &Node) -> anyhow::Result<Bootstrap> {
    let answer = node.get("/bootstrap").await?;
    if answer.status != StatusCode::OK {
        bail!("{} answers {answer} for its bootstrap", node.name());
    }
    serde_json::from_str(&answer.body)
        .with_context(|| format!("{} answers {answer} for its bootstrap", node.name()))
}

fn actions(statement: &Value) -> Vec<String> {
    let one_or_more = match &statement["Action"] {
        Value::Array(actions) => actions.as_slice(),
        one => std::slice::from_ref(one),
    };
    let names = one_or_more.iter().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}
