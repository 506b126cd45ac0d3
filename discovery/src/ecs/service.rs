//! `aws-api-ecs`: the tasks of one or several services, or only those with certain tags.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, future::try_join_all, stream};

use super::{
    address::Wanted,
    tasks::{Filter, Listing, Tasks, named, short_name},
    verdict::Criteria,
};
use crate::{
    budget::Budget,
    config::{Ecs, Services},
    error::Error,
    expected::{ExpectedNodes, WhyUnknown},
    lookup::{Calls, Found, Lookup, PartialReason},
    tally::Tally,
};

/// How many services are listed at a time.
const AT_A_TIME: usize = 8;

/// The most services that one `DescribeServices` takes.
const DESCRIBED_AT_ONCE: usize = 10;

/// The services of one account and region.
#[derive(Debug)]
pub(crate) struct Service {
    tasks: Tasks,
    /// The cluster of services that name no cluster: a name or an ARN.
    cluster: String,
    services: Services,
}

/// Where a service is: its cluster, a name or an ARN, and its name.
type Place<'a> = (&'a str, &'a str);

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
            tasks: Tasks::new(config, criteria),
            cluster: settings.cluster,
            services: settings.services,
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

    /// Every service's tasks. If some services fail, the others are still worth having.
    pub(crate) async fn read(
        &self,
        lookup: &Lookup,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        // A closure does not work here: the stream that is sent to another task needs it for every lifetime.
        let mut each = Vec::new();
        for place in self.places(&lookup.service_name) {
            each.push(self.read_one(place, lookup, budget));
        }
        let all = stream::iter(each).buffer_unordered(AT_A_TIME);
        let all: Vec<_> = all.collect().await;
        let mut answers = BTreeMap::new();
        for (place, found, made) in all {
            calls.add(made);
            answers.insert(place, found);
        }
        together(answers)
    }

    async fn read_one<'a>(
        &self,
        place: Place<'a>,
        lookup: &Lookup,
        budget: Budget,
    ) -> (Place<'a>, Result<Found, Error>, Calls) {
        let (cluster, name) = place;
        let listing = Listing {
            cluster: cluster.to_owned(),
            filter: Filter::Service(name.to_owned()),
        };
        let mut calls = Calls::default();
        let read = self.tasks.read(lookup, &listing, budget, &mut calls);
        let found = Box::pin(read).await;
        (place, found, calls)
    }

    /// How many tasks the services should run together; unknown if tags select some of them.
    pub(crate) async fn expected_nodes(
        &self,
        service_name: &str,
        budget: Budget,
    ) -> Result<ExpectedNodes, Error> {
        if !self.tasks.criteria.tags.is_empty() {
            return Ok(ExpectedNodes::Unknown(WhyUnknown::TagsChoose));
        }
        let mut by_cluster: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (cluster, name) in self.places(service_name) {
            by_cluster.entry(cluster).or_default().push(name);
        }
        let mut questions = Vec::new();
        for (cluster, names) in &by_cluster {
            for some in names.chunks(DESCRIBED_AT_ONCE) {
                questions.push(self.counts(cluster, some, budget));
            }
        }
        let counts = try_join_all(questions).await?.into_iter().flatten();
        Ok(sum(counts))
    }

    /// The desired count of each service, or the service that does not exist.
    async fn counts(
        &self,
        cluster: &str,
        names: &[&str],
        budget: Budget,
    ) -> Result<Vec<Result<i32, String>>, Error> {
        let described = self.tasks.services(cluster, names, budget).await?;
        let count = |name: &&str| {
            let service = named(&described, name).ok_or_else(|| shown((cluster, name)))?;
            Ok(service.desired_count())
        };
        Ok(names.iter().map(count).collect())
    }

    fn places<'a>(&'a self, service_name: &'a str) -> BTreeSet<Place<'a>> {
        places(&self.cluster, &self.services, service_name)
    }
}

/// The services to look up, each once, in its own cluster only.
fn places<'a>(
    of_settings: &'a str,
    services: &'a Services,
    service_name: &'a str,
) -> BTreeSet<Place<'a>> {
    if services.is_empty() {
        return BTreeSet::from([(of_settings, service_name)]);
    }
    let places = services.iter().map(|(cluster, name)| {
        // The cluster of the settings may be an ARN, and still the same one.
        let other = cluster.filter(|it| *it != short_name(of_settings));
        (other.unwrap_or(of_settings), name)
    });
    places.collect()
}

/// `CLUSTER/NAME`
fn shown((cluster, name): Place<'_>) -> String {
    format!("{}/{name}", short_name(cluster))
}

/// What is known about all services; complete if each is complete.
///
/// # Errors
///
/// The error of the first service, if nothing is known about any.
fn together(answers: BTreeMap<Place<'_>, Result<Found, Error>>) -> Result<Found, Error> {
    let mut together = Found::default();
    let mut failure = None;
    let mut answered = false;
    for (place, found) in answers {
        match found {
            Ok(found) => {
                answered = true;
                together.add(found);
            }
            Err(error) => {
                together.partial.push(PartialReason::ServiceFailed {
                    service: shown(place),
                    error: error.chain(),
                    remedy: error.remedy(),
                });
                failure.get_or_insert(error);
            }
        }
    }
    match failure {
        Some(error) if !answered => Err(error),
        Some(_) | None => Ok(together),
    }
}

/// The counts of all services: a number for each, or the name of a service that does not exist.
fn sum(counts: impl IntoIterator<Item = Result<i32, String>>) -> ExpectedNodes {
    let mut sum: u64 = 0;
    for count in counts {
        match count {
            Ok(count) => sum = sum.saturating_add(u64::try_from(count).unwrap_or_default()),
            Err(missing) => return ExpectedNodes::Unknown(WhyUnknown::NoSuchService(missing)),
        }
    }
    ExpectedNodes::of_count(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Remedy,
        lookup::{DropReason, Dropped},
    };

    #[test]
    fn without_services_the_name_that_is_looked_up_is_the_one() {
        let none = Services::default();
        let places = places("demo", &none, "orders");
        assert_eq!(Vec::from_iter(places), [("demo", "orders")]);
    }

    #[test]
    fn a_service_is_looked_for_in_its_own_cluster_and_each_once() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/demo";
        for cluster in ["demo", arn] {
            let services = "api,demo/api,workers/api,batch".parse().unwrap();
            let places = places(cluster, &services, "orders");
            let expected =
                BTreeSet::from([(cluster, "api"), (cluster, "batch"), ("workers", "api")]);
            assert_eq!(places, expected);
        }
    }

    fn found(id: &str) -> Found {
        Found {
            dropped: vec![Dropped::new(id, DropReason::Gone)],
            ..Found::default()
        }
    }

    #[test]
    fn what_is_known_of_some_services_is_kept_where_others_fail() {
        let all = together(BTreeMap::from([
            (("demo", "api"), Ok(found("1"))),
            (("demo", "batch"), Err(Error::NoRegion)),
            (("arn:x:cluster/workers", "api"), Ok(found("2"))),
        ]));
        let all = all.unwrap();
        assert_eq!(all.dropped.len(), 2);
        assert_eq!(
            all.partial,
            [PartialReason::ServiceFailed {
                service: "demo/batch".to_owned(),
                error: Error::NoRegion.chain(),
                remedy: Remedy::FixConfiguration,
            }]
        );
    }

    #[test]
    fn where_all_fail_the_first_failure_is_the_error() {
        let failed = together(BTreeMap::from([
            (("demo", "api"), Err(Error::NotInTask)),
            (("demo", "batch"), Err(Error::NoRegion)),
        ]));
        assert!(matches!(failed, Err(Error::NotInTask)), "{failed:?}");
    }

    #[test]
    fn counts_add_up_and_one_that_is_missing_leaves_the_number_unknown() {
        let number = |counts: &[Result<i32, String>]| sum(counts.iter().cloned());
        let five = number(&[Ok(3), Ok(0), Ok(2)]);
        assert_eq!(five.number().unwrap().get(), 5);
        assert_eq!(
            number(&[Ok(0), Ok(0)]),
            ExpectedNodes::Unknown(WhyUnknown::NoneWanted)
        );
        let missing = "demo/batch".to_owned();
        assert_eq!(
            number(&[Ok(3), Err(missing.clone())]),
            ExpectedNodes::Unknown(WhyUnknown::NoSuchService(missing))
        );
    }
}
