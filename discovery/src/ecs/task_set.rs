//! Which deployment or task set the caller's own task belongs to.
//!
//! The task metadata names the task, and `DescribeTasks` says what started it. Neither changes while the process
//! lives, so both are asked only once.

use aws_sdk_ecs::types::Service;
use tokio::sync::OnceCell;

use super::{
    address::Wanted,
    tasks::{Filter, Listing, Tasks, named, short_name},
    verdict::Criteria,
};
use crate::{
    budget::Budget,
    config::{EcsTaskSet, Tags},
    error::{Attempt, Error},
    expected::{ExpectedNodes, WhyUnknown},
    lookup::{Calls, Found, Lookup},
    own::task,
    tally::Tally,
};

/// The caller's own task set or deployment.
#[derive(Debug)]
pub(crate) struct TaskSet {
    tasks: Tasks,
    /// A name or an ARN.
    cluster: String,
    metadata: String,
    /// A failure to find it is not remembered.
    started_by: OnceCell<String>,
}

impl TaskSet {
    /// `metadata` is the URL of the caller's own task metadata.
    pub(crate) fn new(
        config: &aws_types::SdkConfig,
        settings: EcsTaskSet,
        metadata: String,
    ) -> Self {
        let criteria = Criteria {
            tags: Tags::default(),
            address: Wanted {
                family: settings.address_family,
                container: settings.container_name,
            },
        };
        Self {
            tasks: Tasks::new(config, criteria),
            cluster: settings.cluster,
            metadata,
            started_by: OnceCell::new(),
        }
    }

    /// The calls so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tasks.tally
    }

    /// The region that is asked.
    pub(crate) fn region(&self) -> Option<&str> {
        self.tasks.client.config().region().map(AsRef::as_ref)
    }

    pub(crate) async fn read(
        &self,
        lookup: &Lookup,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        let started_by = self.started_by(budget, calls).await?;
        let listing = Listing {
            cluster: self.cluster.clone(),
            filter: Filter::StartedBy(started_by.to_owned()),
        };
        self.tasks.read(lookup, &listing, budget, calls).await
    }

    /// How many tasks the service should run in the own task set or deployment.
    pub(crate) async fn expected_nodes(
        &self,
        service_name: &str,
        budget: Budget,
    ) -> Result<ExpectedNodes, Error> {
        let mut calls = Calls::default();
        let started_by = self.started_by(budget, &mut calls).await?;
        let names = [service_name];
        let described = self.tasks.services(&self.cluster, &names, budget).await?;
        let service = named(&described, service_name);
        let count = service.and_then(|service| desired_count(service, started_by));
        Ok(match count {
            Some(count) => ExpectedNodes::of_count(u64::try_from(count).unwrap_or_default()),
            None => ExpectedNodes::Unknown(WhyUnknown::NoSuchService(service_name.to_owned())),
        })
    }

    /// What started the own task, usually `ecs-svc/…`.
    async fn started_by(&self, budget: Budget, calls: &mut Calls) -> Result<&str, Error> {
        let attempt = Attempt {
            action: "ecs:DescribeTasks",
            what: "finding this host's own task and what started it".to_owned(),
        };
        let find = async || {
            let find = async || self.find_started_by(calls).await;
            self.started_by.get_or_try_init(find).await
        };
        budget.bound(&attempt, find).await.map(String::as_str)
    }

    async fn find_started_by(&self, calls: &mut Calls) -> Result<String, Error> {
        let own = task::read(&self.metadata).await?;
        let cluster = &self.cluster;
        check_cluster(&own, cluster)?;
        calls.count("DescribeTasks");
        let attempt = Attempt {
            action: "ecs:DescribeTasks",
            what: format!("describing this host's own task {}", own.arn),
        };
        let answer = self
            .tasks
            .describe(&attempt, cluster, vec![own.arn.clone()]);
        let answer = answer.await?;
        let Some(described) = answer.tasks().first() else {
            return Err(Error::OwnTaskMissing {
                task: own.arn,
                cluster: cluster.clone(),
            });
        };
        let started_by = described.started_by().filter(|starter| !starter.is_empty());
        started_by
            .map(str::to_owned)
            .ok_or(Error::NoGroup { task: own.arn })
    }
}

fn desired_count(service: &Service, started_by: &str) -> Option<i32> {
    let task_set = service
        .task_sets()
        .iter()
        .find(|task_set| task_set.id() == Some(started_by));
    let deployment = service
        .deployments()
        .iter()
        .find(|deployment| deployment.id() == Some(started_by));
    match (task_set, deployment) {
        (Some(task_set), _) => Some(task_set.computed_desired_count()),
        (None, Some(deployment)) => Some(deployment.desired_count()),
        (None, None) => None,
    }
}

/// Either may be a name or an ARN.
fn check_cluster(own: &task::Task, configured: &str) -> Result<(), Error> {
    match &own.cluster {
        Some(actual) if !actual.is_empty() && short_name(actual) != short_name(configured) => {
            Err(Error::OtherCluster {
                task: own.arn.clone(),
                actual: actual.clone(),
                configured: configured.to_owned(),
            })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Deployment, TaskSet as EcsTaskSet};

    use super::*;

    #[test]
    fn the_desired_count_is_that_of_the_own_task_set_or_deployment() {
        let service = Service::builder()
            .desired_count(9)
            .task_sets(
                EcsTaskSet::builder()
                    .id("ecs-svc/1")
                    .computed_desired_count(3)
                    .build(),
            )
            .deployments(
                Deployment::builder()
                    .id("ecs-svc/2")
                    .desired_count(4)
                    .build(),
            )
            .deployments(
                Deployment::builder()
                    .id("ecs-svc/3")
                    .desired_count(0)
                    .build(),
            )
            .build();
        let count = |starter| desired_count(&service, starter);
        assert_eq!(count("ecs-svc/1"), Some(3));
        assert_eq!(count("ecs-svc/2"), Some(4));
        assert_eq!(count("ecs-svc/3"), Some(0));
        assert_eq!(count("ecs-svc/4"), None);
    }

    #[test]
    fn a_cluster_is_the_same_by_name_or_by_arn() {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/prod";
        let check = |actual: Option<&str>, configured| {
            let own = task::Task::in_cluster(actual);
            check_cluster(&own, configured).map_err(|error| error.to_string())
        };
        for (actual, configured) in [("prod", "prod"), (arn, "prod"), ("prod", arn), (arn, arn)] {
            assert_eq!(check(Some(actual), configured), Ok(()));
        }
        assert_eq!(check(None, "prod"), Ok(()));
        assert_eq!(
            check(Some("prod"), "default"),
            Err("task/1 runs in cluster `prod`, but `default` is configured".to_owned())
        );
    }
}
