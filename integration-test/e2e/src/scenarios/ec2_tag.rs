//! `ec2-tag`: tagged instances form one cluster, and others' nodes stay out.

use std::net::Ipv4Addr;

use anyhow::{Context, ensure};
use region::{Action, Instance, InstanceState, Outcome};

use super::{
    decoys::Decoys,
    expect::{FORMING, form_one_cluster},
};
use crate::{
    local::sandbox::{ORDERS, Placed, Ports, Sandbox},
    nodes::{node::Node, settings::Settings},
    record::Record,
};

/// The tag that names an instance's service.
const TAG: &str = "service";

/// The Auto Scaling group of the instances, which says how many there are to be.
const GROUP: &str = "orders-group";

/// Shows it with `nodes` instances.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let decoys = Decoys::start(
        sandbox,
        record,
        "a stopped instance, a differently tagged one, one that the filter leaves out",
        &place_decoys(sandbox)?,
    )
    .await?;

    let desired = u32::try_from(nodes).context("that many instances are too many")?;
    sandbox.region().edit(|account| {
        account
            .put_auto_scaling_group(GROUP, desired)
            .desired_capacity
    });
    let instances: Vec<_> = (1..=nodes)
        .map(|n| start_node(sandbox, n))
        .collect::<Result<_, _>>()?;
    let instances: Vec<_> = instances.iter().collect();
    let cluster = record
        .step(
            format!("{nodes} instances form one cluster"),
            form_one_cluster(FORMING, &instances),
        )
        .await?;

    knew_the_number(sandbox)?;
    decoys.stay_out(record, &cluster).await
}

/// Somebody was told how many there are to be, so nobody waited for a list that does not change.
pub(super) fn knew_the_number(sandbox: &Sandbox<'_>) -> anyhow::Result<()> {
    let calls = sandbox.region().calls();
    let mut asked = calls.of(Action::DescribeAutoScalingGroups);
    ensure!(
        asked.any(|call| call.outcome == Outcome::Answered),
        "no node was told the desired capacity of its group"
    );
    Ok(())
}

fn start_node(sandbox: &Sandbox<'_>, n: usize) -> anyhow::Result<Node> {
    let address = sandbox.free_address()?;
    let region = sandbox.region();
    let id = region.edit(|account| account.run_instance(production(address).in_group(GROUP)));
    sandbox.start(Placed {
        name: format!("{ORDERS}-{n}"),
        address,
        behind: None,
        ports: Ports::USUAL,
        environment: region.instance_environment(&id),
        settings: Settings::default()
            .with("DISCOVERY_METHOD", "aws-api-ec2-tag-based")
            .with("DISCOVERY_AWS_API_EC2_TAG_BASED_TAG_KEY", TAG)
            .with(
                "DISCOVERY_AWS_API_EC2_TAG_BASED_FILTERS",
                "tag:purpose=production",
            ),
    })
}

/// Instances that must not count. Gives their addresses.
fn place_decoys(sandbox: &Sandbox<'_>) -> anyhow::Result<[Ipv4Addr; 3]> {
    let [stopped, payments, rehearsal] = [
        sandbox.free_address()?,
        sandbox.free_address()?,
        sandbox.free_address()?,
    ];
    sandbox.region().edit(|account| {
        account.run_instance(production(stopped).state(InstanceState::Stopped));
        account.run_instance(production(payments).tag(TAG, "payments"));
        account.run_instance(production(rehearsal).tag("purpose", "rehearsal"));
    });
    Ok([stopped, payments, rehearsal])
}

fn production(address: Ipv4Addr) -> Instance {
    Instance::running()
        .at(address)
        .tag(TAG, ORDERS)
        .tag("purpose", "production")
}
