//! The calls of ECS: how many at once, and until when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_ecs::{
    error::SdkError,
    operation::describe_tasks::DescribeTasksOutput,
    types::{DesiredStatus, Service as Described, TaskField},
};
use futures::{StreamExt, future::OptionFuture, stream::FuturesUnordered};
use tokio::time::{Instant, sleep};

use super::{
    reading::{Question, Reading},
    settled::Settled,
    verdict::{Criteria, Whose},
};
use crate::{
    budget::Budget,
    client,
    error::{Attempt, Error, aws},
    lookup::{Calls, Found, Lookup},
    owner::Owner,
    patience::{Patience, Which},
    tally::Tally,
};

/// Pages come one after another, so there is seldom more than one group to describe; more run at once only if
/// describing takes longer than listing. ECS allows an account a burst of 100 such calls.
const IN_FLIGHT: usize = 8;

/// The most tasks that ECS puts on one page.
const PAGE: i32 = 100;

/// The running tasks of one account and region.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) client: aws_sdk_ecs::Client,
    /// In words.
    endpoint: String,
    pub(super) criteria: Criteria,
    settled: Mutex<Settled>,
    pub(super) tally: Tally,
}

/// Which tasks to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    /// The cluster's name or ARN.
    pub(super) cluster: String,
    pub(super) filter: Filter,
}

/// Which tasks of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    /// Those of the service with this name.
    Service(String),
    /// The tasks that this deployment or task set started.
    StartedBy(String),
}

impl Tasks {
    pub(super) fn new(config: &aws_types::SdkConfig, criteria: Criteria) -> Self {
        Self {
            client: aws_sdk_ecs::Client::new(config),
            endpoint: client::endpoint(config, "ECS"),
            criteria,
            settled: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// Lists and describes at the same time.
    pub(super) async fn read(
        &self,
        lookup: &Lookup,
        listing: &Listing,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        let question = listing.question();
        let mut reading = Reading::new(&question, &self.criteria, lookup.extent);
        let calls = Mutex::new(calls);
        let on_throttle = lookup.on_throttle;
        let list = async |token: Option<String>| {
            let which = token.as_ref().map_or(Which::First, |_| Which::Later);
            let mut patience = Patience::new(on_throttle, which);
            loop {
                count(&calls, "ListTasks");
                let page = self.list(listing, &question, token.clone()).await;
                match patience.pause_after(&page) {
                    Some(pause) => sleep(pause).await,
                    None => return page,
                }
            }
        };
        let describe = async |group: Vec<String>| {
            let mut patience = Patience::new(on_throttle, Which::Later);
            loop {
                count(&calls, "DescribeTasks");
                let describe = &question.describe;
                let answer = self
                    .describe(describe, &listing.cluster, group.clone())
                    .await;
                match patience.pause_after(&answer) {
                    Some(pause) => sleep(pause).await,
                    None => return (group, answer),
                }
            }
        };
        let time_is_up = tokio::time::sleep_until(budget.deadline);
        tokio::pin!(time_is_up);

        let mut listing = Some(Box::pin(list(None)));
        let mut sending = false;
        let mut describing = FuturesUnordered::new();
        loop {
            while describing.len() < IN_FLIGHT
                && let Some(group) = reading.next_group()
            {
                describing.push(Box::pin(describe(group)));
            }
            if listing.is_none() && describing.is_empty() {
                break;
            }
            tokio::select! {
                // The next page is requested before this answer is processed.
                biased;
                () = &mut time_is_up => {
                    reading.out_of_time(budget.timeout);
                    break;
                }
                Some(page) = OptionFuture::from(listing.as_mut()) => {
                    let next = match page {
                        Ok((ids, next)) => reading.page(ids, next, &self.settled(), Instant::now()),
                        Err(error) => {
                            reading.listing_failed(error);
                            None
                        }
                    };
                    listing = next.map(|token| Box::pin(list(Some(token))));
                    sending = listing.is_some();
                }
                // Another task sends the request, and gets its turn first: reading an answer takes long.
                () = tokio::task::yield_now(), if sending => sending = false,
                Some((group, answer)) = describing.next(), if !sending => match answer {
                    Ok(answer) => reading.described(
                        group,
                        answer.tasks(),
                        answer.failures(),
                        &mut self.settled(),
                        Instant::now(),
                    )?,
                    Err(error) => reading.group_failed(group.len(), error),
                },
            }
        }
        reading.finish(&mut self.settled(), Instant::now())
    }

    /// The entries of these services of one cluster, as far as they exist; at most ten.
    pub(super) async fn services(
        &self,
        cluster: &str,
        names: &[&str],
        budget: Budget,
    ) -> Result<Vec<Described>, Error> {
        let what = match names {
            [one] => format!("describing service `{one}`"),
            several => format!("describing the services `{}`", several.join("`, `")),
        };
        let attempt = Attempt {
            action: "ecs:DescribeServices",
            what: format!("{what} in cluster `{cluster}`"),
        };
        let request = self.client.describe_services().cluster(cluster);
        let named = names.iter().map(|name| (*name).to_owned()).collect();
        let request = request.set_services(Some(named));
        let answer = budget.bound(&attempt, async || {
            let call = async {
                let answer = request.send().await;
                answer.map_err(|error| self.failed(&attempt, error))
            };
            self.tally.watch("DescribeServices", call).await
        });
        let mut services = answer.await?.services.unwrap_or_default();
        services.retain(|service| service.status() == Some("ACTIVE"));
        Ok(services)
    }

    /// One page: ARNs, and the token of the next.
    async fn list(
        &self,
        listing: &Listing,
        question: &Question,
        token: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), Error> {
        let request = self.client.list_tasks().cluster(&listing.cluster);
        let request = match &listing.filter {
            Filter::Service(name) => request
                .service_name(name)
                .desired_status(DesiredStatus::Running),
            // ECS allows no other filter with this one; it lists running tasks anyway.
            Filter::StartedBy(starter) => request.started_by(starter),
        };
        let request = request.max_results(PAGE).set_next_token(token);
        let call = async {
            match request.send().await {
                Ok(page) => match page.task_arns {
                    Some(ids) => Ok((ids, page.next_token)),
                    // An empty listing says so; a missing list must not count as empty.
                    None => Err(Error::Undecodable {
                        attempt: question.list.clone(),
                        source: "the answer has no `taskArns`".into(),
                    }),
                },
                Err(error) => Err(self.failed(&question.list, error)),
            }
        };
        self.tally.watch("ListTasks", call).await
    }

    /// At least one task and at most 100.
    pub(super) async fn describe(
        &self,
        attempt: &Attempt,
        cluster: &str,
        ids: Vec<String>,
    ) -> Result<DescribeTasksOutput, Error> {
        let request = self.client.describe_tasks().cluster(cluster);
        let request = request.set_tasks(Some(ids)).include(TaskField::Tags);
        let call = async {
            let answer = request.send().await;
            answer.map_err(|error| self.failed(attempt, error))
        };
        self.tally.watch("DescribeTasks", call).await
    }

    pub(super) fn failed<E>(
        &self,
        attempt: &Attempt,
        error: SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
    ) -> Error
    where
        E: std::error::Error
            + aws_smithy_types::error::metadata::ProvideErrorMetadata
            + Send
            + Sync
            + 'static,
    {
        let limit = client::ATTEMPT_TIMEOUT;
        aws::classify(attempt.clone(), &self.endpoint, limit, error)
    }

    /// Held only during a map operation, never across an await.
    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listing {
    fn question(&self) -> Question {
        let Self { cluster, filter } = self;
        let (name, of) = match filter {
            Filter::Service(name) => (name, format!("of service `{name}`")),
            Filter::StartedBy(starter) => (starter, format!("started by `{starter}`")),
        };
        let in_cluster = short_name(cluster);
        Question {
            name: format!("{cluster} {name}"),
            whose: match filter {
                Filter::Service(name) => {
                    Whose::Service(Owner::ecs_service(in_cluster, name.as_str()))
                }
                Filter::StartedBy(_) => Whose::EachSays {
                    cluster: in_cluster.into(),
                },
            },
            list: Attempt {
                action: "ecs:ListTasks",
                what: format!("listing the tasks {of} in cluster `{cluster}`"),
            },
            describe: Attempt {
                action: "ecs:DescribeTasks",
                what: format!("describing the tasks {of} in cluster `{cluster}`"),
            },
        }
    }
}

/// A cluster's name: `prod` of `arn:…:cluster/prod`.
pub(super) fn short_name(cluster: &str) -> &str {
    cluster.rsplit('/').next().unwrap_or(cluster)
}

fn count(calls: &Mutex<&mut Calls>, action: &'static str) {
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    calls.count(action);
}

/// The service with this name or ARN among the described ones.
pub(super) fn named<'a>(services: &'a [Described], name: &str) -> Option<&'a Described> {
    let mut services = services.iter();
    services.find(|it| it.service_name() == Some(name) || it.service_arn() == Some(name))
}
