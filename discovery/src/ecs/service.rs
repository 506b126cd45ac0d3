//! `aws-api-ecs`: the tasks of a service, or those of them that carry certain tags.

use super::{
    address::Wanted,
    tasks::{Filter, Tasks, wanted},
    verdict::Criteria,
};
use crate::{
    budget::Budget,
    config::Ecs,
    error::Error,
    expected::{ExpectedNodes, WhyUnknown},
    lookup::{Calls, Found, Lookup},
    tally::Tally,
};

/// The services of one cluster.
#[derive(Debug)]
pub(crate) struct Service {
    tasks: Tasks,
}

impl Service {
    pub(crate) fn new(config: &aws_types::SdkConfig, settings: Ecs) -> Self {
        let criteria = Criteria {
            tags: settings.tags,
            address: Wanted {
                family: settings.address_family,
                container: settings.container_name,
            },
        };
        Self {
            tasks: Tasks::new(config, settings.cluster, criteria),
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
        let filter = Filter::Service(lookup.service_name.clone());
        self.tasks.read(lookup, &filter, budget, calls).await
    }

    /// How many tasks the service means to run; unknown where tags choose some of them.
    pub(crate) async fn expected_nodes(
        &self,
        service_name: &str,
        budget: Budget,
    ) -> Result<ExpectedNodes, Error> {
        if !self.tasks.criteria.tags.is_empty() {
            return Ok(ExpectedNodes::Unknown(WhyUnknown::TagsChoose));
        }
        let service = self.tasks.service(service_name, budget).await?;
        Ok(wanted(service.map(|service| service.desired_count())))
    }
}
