//! EC2 as scenarios use it: an account that lists instances, whose nodes run here.
//!
//! The simulated region has one; an emulator has others.

use std::{collections::BTreeMap, fmt, future::Future};

use anyhow::ensure;
use region::{Action, Instance, Outcome};

use super::pretended::Pretended;
use crate::nodes::settings::Settings;

/// An account of EC2.
pub trait Ec2: fmt::Debug {
    /// Has this instance from now on. Gives the environment of a node that runs on it.
    fn run_instance(
        &self,
        instance: Instance,
    ) -> impl Future<Output = anyhow::Result<BTreeMap<String, String>>>;

    /// Has an Auto Scaling group that is to have so many instances, with so many nodes on each.
    /// Where this account cannot tell nodes how many they are, gives the setting that does.
    fn put_group(&self, name: &str, instances: u32, nodes_of_each: u32) -> Settings;

    /// Fails where this account can tell nodes how many they are, and has told none.
    fn told_the_number(&self) -> anyhow::Result<()>;
}

impl Ec2 for Pretended {
    async fn run_instance(&self, instance: Instance) -> anyhow::Result<BTreeMap<String, String>> {
        let region = self.region();
        let id = region.edit(|account| account.run_instance(instance));
        Ok(region.instance_environment(&id))
    }

    fn put_group(&self, name: &str, instances: u32, _nodes_of_each: u32) -> Settings {
        // Nodes multiply by their ports themselves.
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
