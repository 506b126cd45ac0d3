//! `ec2-ports`: several nodes on one instance form a cluster; each has its own port.

use anyhow::Context;
use region::Instance;

use super::expect::{FORMING, form_one_cluster, within};
use crate::{
    local::{
        ec2::Ec2,
        sandbox::{ORDERS, Placed, Ports, Sandbox},
    },
    record::Record,
};

/// Shows it with `nodes` nodes on an instance.
pub(super) async fn show(
    sandbox: &Sandbox<'_, impl Ec2>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let address = sandbox.free_address()?;
    let each = u32::try_from(nodes).context("that many nodes are too many")?;
    let account = sandbox.account();
    let number = account.put_group("orders-group", 1, each);
    let instance = Instance::running().at(address).tag("service", ORDERS);
    let environment = account
        .run_instance(instance.in_group("orders-group"))
        .await?;

    let ports = Ports::USUAL;
    let ports: Vec<_> = (ports.management..)
        .zip(ports.gossip..)
        .map(|(management, gossip)| Ports { management, gossip })
        .take(nodes)
        .collect();
    let management: Vec<_> = ports.iter().map(|of| of.management.to_string()).collect();
    let settings = number
        .with("DISCOVERY_METHOD", "aws-api-ec2-tag-based")
        .with(
            "DISCOVERY_AWS_API_EC2_TAG_BASED_PORTS",
            &management.join(","),
        )
        // Every port is a node, not only the usual one.
        .with("BOOTSTRAP_FILTER_ON_FALLBACK_PORT", "off");

    let start = |ports: Ports| {
        sandbox.start(Placed {
            name: format!("{ORDERS}-{}", ports.management),
            address,
            behind: None,
            ports,
            environment: environment.clone(),
            settings: settings.clone(),
        })
    };
    let mut nodes = Vec::new();
    for ports in ports {
        nodes.push(start(ports)?);
        if let [first] = nodes.as_slice() {
            // Containers share the network of one that runs.
            within(FORMING, async || first.get("/alive").await).await?;
        }
    }
    let nodes: Vec<_> = nodes.iter().collect();
    record
        .step(
            format!("{} nodes on one instance form one cluster", nodes.len()),
            form_one_cluster(FORMING, &nodes),
        )
        .await?;
    account.told_the_number()
}
