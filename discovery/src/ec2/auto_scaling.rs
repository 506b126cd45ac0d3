//! The calls of EC2 Auto Scaling: how many instances groups should run.
//!
//! [`Capacity`], which makes no calls, decides what an answer means.

use std::collections::{BTreeSet, HashSet};

use aws_sdk_autoscaling::{
    operation::describe_auto_scaling_groups::DescribeAutoScalingGroupsOutput,
    types::AutoScalingGroup,
};

use super::whole::Whole;
use crate::{
    budget::Budget,
    client,
    error::{Attempt, Error, aws},
    expected::{ExpectedNodes, WhyUnknown},
    tally::Tally,
};

/// The most groups in one call, and on one page.
const PAGE: i32 = 100;

/// How many instances count as one unit of capacity, unless a group says otherwise.
const INSTANCES: &str = "units";

/// The groups of one region.
#[derive(Debug)]
pub(super) struct AutoScaling {
    client: aws_sdk_autoscaling::Client,
    /// In words.
    endpoint: String,
}

/// The desired capacity of groups, as far as it was read.
#[derive(Debug, Default)]
struct Capacity {
    instances: u64,
    missing: BTreeSet<String>,
    unknown: Option<WhyUnknown>,
}

impl AutoScaling {
    pub(super) fn new(config: &aws_types::SdkConfig) -> Self {
        Self {
            client: aws_sdk_autoscaling::Client::new(config),
            endpoint: client::endpoint(config, "Auto Scaling"),
        }
    }

    /// How many nodes these groups should run together, with this many on each instance.
    pub(super) async fn expected_nodes(
        &self,
        groups: BTreeSet<String>,
        on_each: usize,
        budget: Budget,
        tally: &Tally,
    ) -> Result<ExpectedNodes, Error> {
        let named: Vec<String> = groups.iter().cloned().collect();
        let attempt = Attempt {
            action: "autoscaling:DescribeAutoScalingGroups",
            what: format!("describing the Auto Scaling group `{}`", named.join("`, `")),
        };
        let mut capacity = Capacity {
            missing: groups,
            ..Capacity::default()
        };
        let read = async || {
            for some in named.chunks(PAGE.unsigned_abs() as usize) {
                self.read(&attempt, some, tally, &mut capacity).await?;
            }
            Ok(())
        };
        budget.bound(&attempt, read).await?;
        Ok(capacity.nodes(on_each))
    }

    /// Every page, although one should be enough: a page has room for as many groups as a call names.
    async fn read(
        &self,
        attempt: &Attempt,
        groups: &[String],
        tally: &Tally,
        capacity: &mut Capacity,
    ) -> Result<(), Error> {
        let mut tokens = HashSet::new();
        let mut token = None;
        loop {
            let page = self.page(attempt, groups, token);
            let page = tally
                .watch("DescribeAutoScalingGroups", Box::pin(page))
                .await?;
            for group in page.auto_scaling_groups() {
                capacity.add(group);
            }
            let Some(next) = page.next_token.filter(|token| !token.is_empty()) else {
                return Ok(());
            };
            if !tokens.insert(next.clone()) {
                return Err(Error::RepeatedPage {
                    attempt: attempt.clone(),
                });
            }
            token = Some(next);
        }
    }

    async fn page(
        &self,
        attempt: &Attempt,
        groups: &[String],
        token: Option<String>,
    ) -> Result<DescribeAutoScalingGroupsOutput, Error> {
        let request = self.client.describe_auto_scaling_groups();
        let request = request
            .set_auto_scaling_group_names(Some(groups.to_vec()))
            .max_records(PAGE)
            // Leaves out their instances, which are not needed here and may be hundreds.
            .include_instances(false)
            .set_next_token(token);
        let answer = request.customize().interceptor(Whole::GROUPS).send().await;
        answer.map_err(|error| {
            let limit = client::ATTEMPT_TIMEOUT;
            aws::classify(attempt.clone(), &self.endpoint, limit, error)
        })
    }
}

impl Capacity {
    fn add(&mut self, group: &AutoScalingGroup) {
        let name = group.auto_scaling_group_name().unwrap_or_default();
        // A group that was not asked for is ignored, and a repeated one counts once.
        if !self.missing.remove(name) {
            return;
        }
        if group.warm_pool_configuration().is_some() {
            self.unknown = Some(WhyUnknown::WarmPool(name.to_owned()));
            return;
        }
        match unit_of(group) {
            INSTANCES => {
                let desired = group.desired_capacity().unwrap_or_default();
                self.instances += u64::try_from(desired).unwrap_or_default();
            }
            unit => {
                self.unknown = Some(WhyUnknown::OtherUnit {
                    group: name.to_owned(),
                    unit: unit.to_owned(),
                });
            }
        }
    }

    fn nodes(self, on_each: usize) -> ExpectedNodes {
        if let Some(name) = self.missing.into_iter().next() {
            return ExpectedNodes::Unknown(WhyUnknown::NoSuchGroup(name));
        }
        match self.unknown {
            Some(why) => ExpectedNodes::Unknown(why),
            None => ExpectedNodes::of_count(self.instances.saturating_mul(on_each as u64)),
        }
    }
}

/// The unit of the group's capacity: an instance, unless its instances are weighted or it counts processors or
/// memory.
fn unit_of(group: &AutoScalingGroup) -> &str {
    let template = group
        .mixed_instances_policy()
        .and_then(|policy| policy.launch_template());
    let overrides = template.map_or(&[][..], |template| template.overrides());
    let weights = || overrides.iter().filter_map(|it| it.weighted_capacity());
    if weights().any(|weight| weight != "1") {
        return "weights";
    }
    group
        .desired_capacity_type()
        .filter(|unit| !unit.is_empty())
        .unwrap_or(INSTANCES)
}

#[cfg(test)]
mod tests {
    use aws_sdk_autoscaling::types::{
        LaunchTemplate, LaunchTemplateOverrides, MixedInstancesPolicy, WarmPoolConfiguration,
    };

    use super::*;

    fn group(name: &str, desired: i32) -> AutoScalingGroup {
        AutoScalingGroup::builder()
            .auto_scaling_group_name(name)
            .desired_capacity(desired)
            .build()
    }

    fn nodes(asked: &[&str], groups: &[AutoScalingGroup], on_each: usize) -> ExpectedNodes {
        let mut capacity = Capacity {
            missing: asked.iter().map(|name| (*name).to_owned()).collect(),
            ..Capacity::default()
        };
        for group in groups {
            capacity.add(group);
        }
        capacity.nodes(on_each)
    }

    #[test]
    fn groups_add_up_and_each_instance_has_so_many_nodes() {
        let groups = [group("blue", 3), group("green", 2), group("blue", 3)];
        let expected = nodes(&["blue", "green"], &groups, 2);
        assert_eq!(expected.number().unwrap().get(), 10);
    }

    #[test]
    fn a_group_that_is_not_there_leaves_the_number_unknown() {
        let unknown = ExpectedNodes::Unknown(WhyUnknown::NoSuchGroup("green".to_owned()));
        let groups = [group("blue", 3), group("Green", 2)];
        assert_eq!(nodes(&["blue", "green"], &groups, 1), unknown);
    }

    #[test]
    fn a_group_that_wants_none_says_nothing_of_a_cluster() {
        let unknown = ExpectedNodes::Unknown(WhyUnknown::NoneWanted);
        assert_eq!(nodes(&["blue"], &[group("blue", 0)], 3), unknown);
    }

    #[test]
    fn a_group_with_a_warm_pool_does_not_tell_how_many_run() {
        let mut warm = group("green", 2);
        warm.warm_pool_configuration = Some(WarmPoolConfiguration::builder().min_size(3).build());
        let unknown = ExpectedNodes::Unknown(WhyUnknown::WarmPool("green".to_owned()));
        assert_eq!(
            nodes(&["blue", "green"], &[group("blue", 3), warm], 1),
            unknown
        );
    }

    #[test]
    fn capacity_that_does_not_count_instances_is_no_number_of_nodes() {
        let weighted = |weights: &[&str]| {
            let overrides = weights.iter().map(|weight| {
                LaunchTemplateOverrides::builder()
                    .weighted_capacity(*weight)
                    .build()
            });
            let template = LaunchTemplate::builder().set_overrides(Some(overrides.collect()));
            let policy = MixedInstancesPolicy::builder().launch_template(template.build());
            let mut group = group("blue", 8);
            group.mixed_instances_policy = Some(policy.build());
            group
        };
        let of = |group| nodes(&["blue"], &[group], 1).number();
        assert_eq!(of(weighted(&["1", "1"])).unwrap().get(), 8);
        assert_eq!(of(weighted(&["1", "4"])), None);

        let mut processors = group("blue", 8);
        processors.desired_capacity_type = Some("vcpu".to_owned());
        assert_eq!(
            nodes(&["blue"], &[processors], 1),
            ExpectedNodes::Unknown(WhyUnknown::OtherUnit {
                group: "blue".to_owned(),
                unit: "vcpu".to_owned()
            })
        );
        let mut units = group("blue", 8);
        units.desired_capacity_type = Some("units".to_owned());
        assert_eq!(of(units).unwrap().get(), 8);
    }
}
