//! Nodes at addresses where no node of a scenario may look.
//!
//! Each runs a separate cluster, with the same name and the same key, and lets anyone in. So a node that looks where
//! it should not is noticed: it joins the cluster that it finds.

use std::net::Ipv4Addr;

use anyhow::ensure;
use futures::future::try_join_all;

use super::expect::{FORMING, one_cluster, within};
use crate::{local::sandbox::Sandbox, nodes::node::Node, record::Record};

/// Decoys that run.
#[derive(Debug)]
pub(super) struct Decoys(Vec<Node>);

impl Decoys {
    /// Starts one at each address, and waits until each has its cluster.
    pub(super) async fn start(
        sandbox: &Sandbox<'_, impl Sized>,
        record: &Record,
        what: &str,
        addresses: &[Ipv4Addr],
    ) -> anyhow::Result<Self> {
        let nodes = addresses
            .iter()
            .map(|&address| sandbox.decoy(address))
            .collect::<Result<Vec<_>, _>>()?;
        let forming = within(FORMING, async || {
            let each = nodes
                .iter()
                .map(|node| async move { one_cluster(&[node]).await });
            try_join_all(each).await
        });
        record.step(format!("decoys run: {what}"), forming).await?;
        Ok(Self(nodes))
    }

    /// Each is still alone, and not in `cluster`.
    pub(super) async fn stay_out(&self, record: &Record, cluster: &str) -> anyhow::Result<()> {
        let looking = async {
            for decoy in &self.0 {
                let own = one_cluster(&[decoy]).await?;
                ensure!(own != cluster, "{} is in {cluster}", decoy.name());
            }
            Ok(())
        };
        record
            .step("the decoys are still in no cluster with them", looking)
            .await
    }
}
