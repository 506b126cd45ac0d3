//! `ec2-tag`: tagged instances form one cluster, and nodes on other instances stay out.

use std::net::Ipv4Addr;

use anyhow::Context;
use region::{Instance, InstanceState};

use super::{
    decoys::Decoys,
    expect::{FORMING, form_one_cluster},
};
use crate::{
    local::{
        ec2::Ec2,
        sandbox::{ORDERS, Placed, Ports, Sandbox},
    },
    nodes::{node::Node, settings::Settings},
    record::Record,
};

/// The tag that names an instance's service.
const TAG: &str = "service";

/// The Auto Scaling group of the instances, whose desired capacity is the number of expected nodes.
const GROUP: &str = "orders-group";

/// Shows it with `nodes` instances.
pub(super) async fn show(
    sandbox: &Sandbox<'_, impl Ec2>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let decoys = Decoys::start(
        sandbox,
        record,
        "a stopped instance, one with another tag, one that the filter excludes",
        &place_decoys(sandbox).await?,
    )
    .await?;

    let desired = u32::try_from(nodes).context("that many instances are too many")?;
    let number = sandbox.account().put_group(GROUP, desired, 1);
    let mut instances = Vec::new();
    for n in 1..=nodes {
        instances.push(start_node(sandbox, n, number.clone()).await?);
    }
    let instances: Vec<_> = instances.iter().collect();
    let cluster = record
        .step(
            format!("{nodes} instances form one cluster"),
            form_one_cluster(FORMING, &instances),
        )
        .await?;

    sandbox.account().told_the_number()?;
    decoys.stay_out(record, &cluster).await
}

async fn start_node(
    sandbox: &Sandbox<'_, impl Ec2>,
    n: usize,
    number: Settings,
) -> anyhow::Result<Node> {
    let address = sandbox.free_address()?;
    let instance = production(address).in_group(GROUP);
    let environment = sandbox.account().run_instance(instance).await?;
    sandbox.start(Placed {
        name: format!("{ORDERS}-{n}"),
        address,
        behind: None,
        ports: Ports::USUAL,
        environment,
        settings: number
            .with("DISCOVERY_METHOD", "aws-api-ec2-tag-based")
            .with("DISCOVERY_AWS_API_EC2_TAG_BASED_TAG_KEY", TAG)
            .with(
                "DISCOVERY_AWS_API_EC2_TAG_BASED_FILTERS",
                "tag:purpose=production",
            ),
    })
}

/// Instances that must not count. Returns their addresses.
async fn place_decoys(sandbox: &Sandbox<'_, impl Ec2>) -> anyhow::Result<[Ipv4Addr; 3]> {
    let [stopped, payments, rehearsal] = [
        sandbox.free_address()?,
        sandbox.free_address()?,
        sandbox.free_address()?,
    ];
    for instance in [
        production(stopped).state(InstanceState::Stopped),
        production(payments).tag(TAG, "payments"),
        production(rehearsal).tag("purpose", "rehearsal"),
    ] {
        sandbox.account().run_instance(instance).await?;
    }
    Ok([stopped, payments, rehearsal])
}

fn production(address: Ipv4Addr) -> Instance {
    Instance::running()
        .at(address)
        .tag(TAG, ORDERS)
        .tag("purpose", "production")
}
