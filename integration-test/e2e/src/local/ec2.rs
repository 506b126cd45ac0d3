//! EC2 for scenarios: an account that lists instances, whose nodes run here.
//!
//! The simulated region has one; emulators have others.

use std::{collections::BTreeMap, fmt, future::Future};

use anyhow::ensure;
use region::{Action, Instance, Outcome};

use super::pretended::Pretended;
use crate::nodes::settings::Settings;

/// An account of EC2.
pub trait Ec2: fmt::Debug {
    /// Adds this instance. Returns the environment of a node that runs on it.
    fn run_instance(
        &self,
        instance: Instance,
    ) -> impl Future<Output = anyhow::Result<BTreeMap<String, String>>>;

    /// Adds an Auto Scaling group with this desired capacity, and this many nodes on each instance.
    /// If this account cannot give nodes the number of expected nodes, returns the setting for it.
    fn put_group(&self, name: &str, instances: u32, nodes_of_each: u32) -> Settings;

    /// Fails if this account can give nodes their number, but has given it to none.
    fn told_the_number(&self) -> anyhow::Result<()>;
}

impl Ec2 for Pretended {
    async fn run_instance(&self, instance: Instance) -> anyhow::Result<BTreeMap<String, String>> {
        let region = self.region();
        let id = region.edit(|account| account.run_instance(instance));
        Ok(region.instance_environment(&id))
    }

    fn put_group(&self, name: &str, instances: u32, _nodes_of_each: u32) -> Settings {
        // Nodes multiply it by their ports themselves.
        self.region().edit(|account| {
            account.put_auto_scaling_group(name, instances);
        });
        Settings::default()
    }

    fn told_the_number(&self) -> anyhow::Result<()> {
        let calls = self.region().calls();
        let mut asked = calls.of(Action::DescribeAutoScalingGroups);
        ensure!(
            asked.any(|call| call.outcome == Outcome::Answered),
            "no node was told the desired capacity of its group"
        );
        Ok(())
    }
}
