//! The EC2 method: which instances run, by tag.
//!
//! Here are the calls and their deadline. [`instance::found_in`], a plain function, decides what an answer means.

use std::collections::HashSet;

use aws_sdk_ec2::{operation::describe_instances::DescribeInstancesOutput, types::Filter};
use tokio::time::{Instant, sleep_until, timeout_at};

#[cfg(feature = "ec2-expected-nodes")]
use crate::expected::ExpectedNodes;
use crate::{
    budget::Budget,
    client,
    config::Ec2TagBased,
    error::{Attempt, Error, aws},
    lookup::{Calls, Extent, Found, Lookup, PartialReason},
    patience::{Patience, Which},
    tally::Tally,
};

#[cfg(feature = "ec2-expected-nodes")]
mod auto_scaling;
#[cfg(feature = "ec2-expected-nodes")]
mod groups;
mod instance;
mod whole;

#[cfg(feature = "ec2-expected-nodes")]
use auto_scaling::AutoScaling;
#[cfg(feature = "ec2-expected-nodes")]
use groups::{Groups, Seen};
use instance::Owners;
use whole::Whole;

/// The most instances that EC2 puts on one page. Always set, because calls without it have a lower rate limit.
const PAGE: i32 = 1000;

/// The instances of one region.
#[derive(Debug)]
pub(crate) struct Instances {
    client: aws_sdk_ec2::Client,
    /// In words.
    endpoint: String,
    settings: Ec2TagBased,
    tally: Tally,
    #[cfg(feature = "ec2-expected-nodes")]
    auto_scaling: AutoScaling,
    #[cfg(feature = "ec2-expected-nodes")]
    groups: Seen,
}

impl Instances {
    pub(crate) fn new(config: &aws_types::SdkConfig, settings: Ec2TagBased) -> Self {
        Self {
            client: aws_sdk_ec2::Client::new(config),
            endpoint: client::endpoint(config, "EC2"),
            settings,
            tally: Tally::default(),
            #[cfg(feature = "ec2-expected-nodes")]
            auto_scaling: AutoScaling::new(config),
            #[cfg(feature = "ec2-expected-nodes")]
            groups: Seen::default(),
        }
    }

    /// The calls so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The instances of a service, and so their groups.
    pub(crate) async fn read(
        &self,
        lookup: &Lookup,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        #[cfg(feature = "ec2-expected-nodes")]
        let under_way = self.groups.begin(&lookup.service_name);
        let found = self.list(lookup, budget, calls).await?;
        #[cfg(feature = "ec2-expected-nodes")]
        under_way.found(&found);
        Ok(found)
    }

    /// How many nodes the Auto Scaling groups of the service's instances should run.
    ///
    /// All groups of the service's instances are added up: with the own group alone, the nodes of two groups that
    /// make up one service would each take their own half for the whole.
    #[cfg(feature = "ec2-expected-nodes")]
    pub(crate) async fn expected_nodes(
        &self,
        service_name: &str,
        budget: Budget,
    ) -> Result<ExpectedNodes, Error> {
        let seen = timeout_at(budget.deadline, self.groups.groups(service_name)).await;
        let groups = match seen.ok().flatten() {
            Some(groups) if !groups.need_whole_list() => groups,
            // Nothing was seen, or only a part, which may hide groups: then the number would be too low.
            Some(_) | None => {
                let lookup = Lookup::new(service_name);
                let found = self.read(&lookup, budget, &mut Calls::default()).await?;
                Groups::of(&found)
            }
        };
        let owners = Owners::of(&self.settings, service_name);
        match groups.names(owners.values()) {
            Ok(names) => {
                let on_each = self.settings.ports.iter().count().max(1);
                self.auto_scaling
                    .expected_nodes(names, on_each, budget, &self.tally)
                    .await
            }
            Err(why) => Ok(ExpectedNodes::Unknown(why)),
        }
    }

    /// The region that is asked.
    pub(crate) fn region(&self) -> Option<&str> {
        self.client.config().region().map(AsRef::as_ref)
    }

    /// One page after the other, up to the deadline.
    ///
    /// A failure after the first page leaves a partial view of the pages before.
    async fn list(
        &self,
        lookup: &Lookup,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        let owners = Owners::of(&self.settings, &lookup.service_name);
        let tags = owners
            .values()
            .map(|value| format!("`{}={value}`", self.settings.tag_key));
        let tags: Vec<String> = tags.collect();
        let attempt = Attempt {
            action: "ec2:DescribeInstances",
            what: format!("describing the instances with tag {}", tags.join(" or ")),
        };
        let filters = filters(&self.settings, &owners);
        let mut found = Found::default();
        let mut tokens = HashSet::new();
        let mut token = None;
        let mut patience = Patience::new(lookup.on_throttle, Which::First);
        let mut learnt = false;
        let failure = loop {
            calls.count("DescribeInstances");
            let page = self.page(&attempt, filters.clone(), token.clone());
            let page = Box::pin(self.tally.watch("DescribeInstances", page));
            let page = match timeout_at(budget.deadline, page).await {
                Ok(page) => match patience.pause_after(&page) {
                    Some(pause) => {
                        sleep_until(budget.deadline.min(Instant::now() + pause)).await;
                        continue;
                    }
                    None => page,
                },
                Err(_) => {
                    break Error::TimedOut {
                        attempt,
                        after: budget.timeout,
                    };
                }
            };
            let page = match page {
                Ok(page) => page,
                Err(error) => break error,
            };
            patience = Patience::new(lookup.on_throttle, Which::Later);
            learnt |= instance::found_in(&page, &self.settings, &owners, &mut found);
            let Some(next) = page.next_token.filter(|token| !token.is_empty()) else {
                return Ok(found);
            };
            if lookup.extent == Extent::FirstPage && learnt {
                found.partial.push(PartialReason::MorePages);
                return Ok(found);
            }
            if !tokens.insert(next.clone()) {
                break Error::RepeatedPage { attempt };
            }
            token = Some(next);
        };
        if !learnt {
            return Err(failure);
        }
        found.partial.push(PartialReason::ListingEnded {
            error: failure.chain(),
        });
        Ok(found)
    }

    async fn page(
        &self,
        attempt: &Attempt,
        filters: Vec<Filter>,
        token: Option<String>,
    ) -> Result<DescribeInstancesOutput, Error> {
        let request = self.client.describe_instances().max_results(PAGE);
        let request = request.set_filters(Some(filters)).set_next_token(token);
        let page = match request
            .customize()
            .interceptor(Whole::INSTANCES)
            .send()
            .await
        {
            Ok(page) => page,
            Err(error) => {
                let attempt = attempt.clone();
                let limit = client::ATTEMPT_TIMEOUT;
                return Err(aws::classify(attempt, &self.endpoint, limit, error));
            }
        };
        // An empty answer says so; a missing list must not count as empty.
        if page.reservations.is_none() {
            return Err(Error::Undecodable {
                attempt: attempt.clone(),
                source: "the answer has no `reservationSet`".into(),
            });
        }
        Ok(page)
    }
}

/// Running instances, then the tag, then the user's own filters.
fn filters(settings: &Ec2TagBased, owners: &Owners) -> Vec<Filter> {
    let filter = |name: &str, values: Vec<String>| {
        Filter::builder()
            .name(name)
            .set_values(Some(values))
            .build()
    };
    let mut filters = vec![
        filter("instance-state-name", vec!["running".to_owned()]),
        filter(
            &format!("tag:{}", settings.tag_key),
            owners.values().map(literally).collect(),
        ),
    ];
    let own = settings.filters.iter();
    filters.extend(own.map(|(name, values)| filter(name, values.to_vec())));
    filters
}

/// In a filter's value `*` and `?` match anything, but the service name must only match itself.
fn literally(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_the_state_then_the_tag_then_the_users_own() {
        let settings = Ec2TagBased {
            filters: "tag:purpose=a=b;instance-type=m1.small;tag:purpose=c"
                .parse()
                .unwrap(),
            ..Ec2TagBased::by_tag("service")
        };
        let filters = filters(&settings, &Owners::of(&settings, "demo"));
        let sent: Vec<(&str, &[String])> = filters
            .iter()
            .map(|filter| (filter.name().unwrap(), filter.values()))
            .collect();
        assert_eq!(
            sent,
            [
                ("instance-state-name", &["running".to_owned()][..]),
                ("tag:service", &["demo".to_owned()]),
                ("instance-type", &["m1.small".to_owned()]),
                ("tag:purpose", &["a=b".to_owned(), "c".to_owned()]),
            ]
        );
    }

    #[test]
    fn several_services_are_several_values_of_one_filter() {
        let mut settings = Ec2TagBased::by_tag("service");
        settings.tag_values = ["batch", "api*"].map(str::to_owned).into();
        let filters = filters(&settings, &Owners::of(&settings, "demo"));
        assert_eq!(filters[1].name(), Some("tag:service"));
        assert_eq!(filters[1].values(), [r"api\*", "batch"]);
    }

    #[test]
    fn a_service_name_with_a_wildcard_matches_itself_only() {
        assert_eq!(literally(r"*amazon?\"), r"\*amazon\?\\");
        assert_eq!(literally("demo"), "demo");
    }
}
