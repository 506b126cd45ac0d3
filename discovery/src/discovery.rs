//! One method, ready to use.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tracing::Instrument as _;

#[cfg(any(feature = "ec2", feature = "ecs"))]
use crate::client::{self, sdk_config};
#[cfg(feature = "ec2")]
use crate::ec2::Instances;
#[cfg(feature = "ecs")]
use crate::ecs::{Service, TaskSet};
use crate::{
    budget::Budget,
    config::{Fixed, Invalid, MethodName, Settings, Surroundings},
    error::Error,
    expected::{ExpectedNodes, WhyUnknown},
    lookup::{Calls, Found, Lookup, Resolved, Target},
    tally::Outcome,
};

/// How long a lookup may take, unless configured otherwise.
pub const DEFAULT_RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Looks peers up with one method. A handle: clones share one client and its memory, and lookups may run
/// concurrently.
#[derive(Debug, Clone)]
pub struct Discovery {
    name: MethodName,
    method: Arc<Method>,
}

#[derive(Debug)]
enum Method {
    #[cfg(feature = "ec2")]
    Ec2TagBased(Box<Instances>),
    #[cfg(feature = "ecs")]
    Ecs(Box<Service>),
    #[cfg(feature = "ecs")]
    EcsTaskSet(Box<TaskSet>),
    Config(Fixed),
}

impl Discovery {
    /// Makes the method's client. Reads the SDK's usual chain for credentials, region and endpoint.
    ///
    /// # Errors
    ///
    /// When the configuration is wrong, for example when no region is known.
    pub async fn new(settings: Settings) -> Result<Self, Error> {
        Self::in_surroundings(settings, &Surroundings::from_env()).await
    }

    /// The same with surroundings from the caller instead of the environment.
    ///
    /// # Errors
    ///
    /// As [`Discovery::new`].
    pub async fn in_surroundings(
        settings: Settings,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            name: settings.method(),
            method: Arc::new(Method::new(settings, surroundings).await?),
        })
    }

    /// The method's canonical name, for example `aws-api-ecs`.
    pub fn method(&self) -> &'static str {
        self.name.as_str()
    }

    /// Looks up once. `timeout` is for all pages and all calls; nothing continues after it, nor after the future is
    /// dropped.
    ///
    /// If a call fails or the time is over when something is already known, the view is
    /// [partial](crate::Completeness::Partial) and says why.
    ///
    /// # Errors
    ///
    /// When nothing was learnt, grouped by what the caller can do: [`Error::remedy`].
    pub async fn lookup(&self, lookup: &Lookup, timeout: Duration) -> Result<Resolved, Error> {
        let service_name = &lookup.service_name;
        if service_name.trim().is_empty() {
            return Err(Invalid::new("service-name", "is empty").into());
        }
        let span = tracing::debug_span!("lookup", method = %self.name, service = service_name);
        let looking = async {
            let budget = Budget::new(timeout);
            let mut calls = Calls::default();
            let found = self.method.read(lookup, budget, &mut calls).await?;
            let resolved = Resolved::new(service_name, found, calls);
            tracing::debug!(
                targets = resolved.targets.len(),
                dropped = resolved.dropped.len(),
                completeness = %resolved.completeness,
                "looked up"
            );
            Ok::<Resolved, Error>(resolved)
        };
        looking.instrument(span).await
    }

    /// How many peers the deployment should run, if the method can know: the desired count of the ECS service, or of
    /// the own deployment or task set in it; on EC2 the desired capacity of the Auto Scaling groups of the service's
    /// instances, times the ports of each.
    ///
    /// If it is not known, the answer says why, and whether it is worth asking again.
    ///
    /// # Errors
    ///
    /// When the call is denied or fails. Treat that as unknown; no lookup depends on it.
    #[cfg_attr(
        not(any(feature = "ecs", feature = "ec2-expected-nodes")),
        expect(unused_variables, reason = "the others do not ask")
    )]
    pub async fn expected_nodes(
        &self,
        service_name: &str,
        timeout: Duration,
    ) -> Result<ExpectedNodes, Error> {
        let budget = Budget::new(timeout);
        match &*self.method {
            #[cfg(feature = "ec2-expected-nodes")]
            Method::Ec2TagBased(instances) => {
                Box::pin(instances.expected_nodes(service_name, budget)).await
            }
            #[cfg(all(feature = "ec2", not(feature = "ec2-expected-nodes")))]
            Method::Ec2TagBased(_) => {
                let why = WhyUnknown::NotBuilt("ec2-expected-nodes");
                Ok(ExpectedNodes::Unknown(why))
            }
            #[cfg(feature = "ecs")]
            Method::Ecs(service) => service.expected_nodes(service_name, budget).await,
            #[cfg(feature = "ecs")]
            Method::EcsTaskSet(own) => own.expected_nodes(service_name, budget).await,
            Method::Config(_) => Ok(ExpectedNodes::Unknown(WhyUnknown::Method(self.name))),
        }
    }

    /// The region that is asked; none if nothing is asked of AWS.
    pub fn region(&self) -> Option<&str> {
        match &*self.method {
            #[cfg(feature = "ec2")]
            Method::Ec2TagBased(instances) => instances.region(),
            #[cfg(feature = "ecs")]
            Method::Ecs(service) => service.region(),
            #[cfg(feature = "ecs")]
            Method::EcsTaskSet(own) => own.region(),
            Method::Config(_) => None,
        }
    }

    /// Every call to AWS since this was made, by action (`ListTasks`) and outcome. Calls that are still running are
    /// not counted, nor calls for credentials.
    pub fn calls(&self) -> BTreeMap<(&'static str, Outcome), u64> {
        match &*self.method {
            #[cfg(feature = "ec2")]
            Method::Ec2TagBased(instances) => instances.tally().counts(),
            #[cfg(feature = "ecs")]
            Method::Ecs(service) => service.tally().counts(),
            #[cfg(feature = "ecs")]
            Method::EcsTaskSet(own) => own.tally().counts(),
            Method::Config(_) => BTreeMap::new(),
        }
    }
}

impl Method {
    async fn new(settings: Settings, surroundings: &Surroundings) -> Result<Self, Error> {
        match settings {
            #[cfg(feature = "ec2")]
            Settings::Ec2TagBased(ec2) => {
                let config = Box::pin(sdk_config(
                    &ec2.client,
                    surroundings,
                    client::LARGEST_OF_EC2,
                ))
                .await?;
                Ok(Self::Ec2TagBased(Box::new(Instances::new(&config, ec2))))
            }
            #[cfg(feature = "ecs")]
            Settings::Ecs(ecs) => {
                let config = Box::pin(sdk_config(
                    &ecs.client,
                    surroundings,
                    client::LARGEST_OF_ECS,
                ))
                .await?;
                Ok(Self::Ecs(Box::new(Service::new(&config, ecs))))
            }
            #[cfg(feature = "ecs")]
            Settings::EcsTaskSet(ecs) => {
                let metadata = surroundings.task_metadata.clone();
                let metadata = metadata.ok_or(Error::NotInTask)?;
                tracing::warn!(
                    "only tasks of the own task set or deployment are peers: under a rolling \
                     deployment, new tasks do not see the old ones and form a cluster of their own"
                );
                let config = Box::pin(sdk_config(
                    &ecs.client,
                    surroundings,
                    client::LARGEST_OF_ECS,
                ))
                .await?;
                let own = TaskSet::new(&config, ecs, metadata);
                Ok(Self::EcsTaskSet(Box::new(own)))
            }
            #[cfg(not(feature = "ec2"))]
            Settings::Ec2TagBased(_) => Err(missing(MethodName::Ec2TagBased, "ec2")),
            #[cfg(not(feature = "ecs"))]
            Settings::Ecs(_) => Err(missing(MethodName::Ecs, "ecs")),
            #[cfg(not(feature = "ecs"))]
            Settings::EcsTaskSet(_) => Err(missing(MethodName::EcsTaskSet, "ecs")),
            Settings::Config(fixed) => Ok(Self::Config(fixed)),
        }
    }

    async fn read(
        &self,
        lookup: &Lookup,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        match self {
            #[cfg(feature = "ec2")]
            Self::Ec2TagBased(instances) => Box::pin(instances.read(lookup, budget, calls)).await,
            #[cfg(feature = "ecs")]
            Self::Ecs(service) => Box::pin(service.read(lookup, budget, calls)).await,
            #[cfg(feature = "ecs")]
            Self::EcsTaskSet(own) => Box::pin(own.read(lookup, budget, calls)).await,
            Self::Config(fixed) => Ok(fixed.found()),
        }
    }
}

impl Fixed {
    fn found(&self) -> Found {
        let target =
            |(address, port)| Target::new(address, port, std::net::IpAddr::to_string(&address));
        Found {
            targets: self.targets.iter().map(target).collect(),
            ..Found::default()
        }
    }
}

#[cfg(not(all(feature = "ec2", feature = "ecs")))]
fn missing(method: MethodName, feature: &str) -> Error {
    Invalid::new(
        "method",
        format!("`{method}` is not in this build; it needs the cargo feature `{feature}`"),
    )
    .into()
}
