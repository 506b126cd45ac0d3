//! `two-services`: the tasks of two services, in two ECS clusters, form one cluster, and nodes of other services stay
//! out.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use region::Task;
use serde_json::Value;

use super::{
    decoys::Decoys,
    expect::{FORMING, be_cluster, form_one_cluster},
};
use crate::{
    local::{
        fleet::{ECS_CLUSTER, Fleet, Service},
        sandbox::{ORDERS, Sandbox},
    },
    nodes::{node::Node, settings::Settings},
    record::Record,
};

/// The first has its tasks in the ECS cluster that the settings name, the second in another.
const API: Service = Service {
    cluster: ECS_CLUSTER,
    name: "orders-api",
};
const WORKER: Service = Service {
    cluster: "workers",
    name: "orders-worker",
};

/// How many workers there are.
const WORKERS: usize = 2;

/// Shows it with `nodes` tasks of the first service, and two of the second.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    // Each service is only looked for in its own cluster: here the other cluster has services with those names.
    let strays = [
        sandbox.free_address()?,
        sandbox.free_address()?,
        sandbox.free_address()?,
    ];
    let [api, worker, orders] = strays;
    sandbox.region().edit(|account| {
        for (cluster, service, address) in [
            (WORKER.cluster, API.name, api),
            (API.cluster, WORKER.name, worker),
            (ECS_CLUSTER, ORDERS, orders),
        ] {
            account.put_service(cluster, service, 1);
            account.run_task(Task::of_service(cluster, service).at(address));
        }
    });
    let what = "tasks with each service's name in the other ECS cluster, one of a third service";
    let decoys = Decoys::start(sandbox, record, what, &strays).await?;

    let of = |service| Fleet::of_service(sandbox, service).with(settings());
    let (mut api, mut worker) = (of(API), of(WORKER));
    api.place(nodes)?;
    worker.place(WORKERS)?;
    api.start()?;
    worker.start()?;
    let together: Vec<&Node> = api.nodes().into_iter().chain(worker.nodes()).collect();
    let expected = together.len();
    let cluster = record
        .step(
            format!("{nodes} tasks of one service and {WORKERS} of another form one cluster"),
            form_one_cluster(FORMING, &together),
        )
        .await?;
    record
        .step(
            format!("nodes expect the sum of both desired counts, {expected}"),
            expect(expected, &together),
        )
        .await?;

    worker.scale_out(WORKERS + 1)?;
    let together: Vec<&Node> = api.nodes().into_iter().chain(worker.nodes()).collect();
    record
        .step(
            "one more of the second service joins it",
            be_cluster(FORMING, &together, &cluster),
        )
        .await?;
    decoys.stay_out(record, &cluster).await
}

fn settings() -> Settings {
    Settings::default()
        .with("DISCOVERY_AWS_API_ECS_CLUSTER", API.cluster)
        .with(
            "DISCOVERY_AWS_API_ECS_SERVICES",
            &format!("{},{}/{}", API.name, WORKER.cluster, WORKER.name),
        )
}

/// Some node was told this number, and none another one. A node that joins at once may not have asked.
async fn expect(number: usize, nodes: &[&Node]) -> anyhow::Result<()> {
    let told = nodes.iter().map(|node| async {
        let answer = node.get("/bootstrap").await?;
        let status: Value = serde_json::from_str(&answer.body)
            .with_context(|| format!("{} answers {answer} for its bootstrap", node.name()))?;
        anyhow::Ok(status["expectedNodes"].as_u64())
    });
    let told: BTreeSet<u64> = try_join_all(told).await?.into_iter().flatten().collect();
    let number = u64::try_from(number).context("that many nodes are too many")?;
    ensure!(
        told == BTreeSet::from([number]),
        "nodes expect {told:?} nodes, not {number}"
    );
    Ok(())
}
