//! The calls of ECS: how many at once, and when time is up.

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
    verdict::Criteria,
};
use crate::{
    budget::Budget,
    client,
    error::{Attempt, Error, aws},
    expected::{ExpectedNodes, WhyUnknown},
    lookup::{Calls, Found, Lookup},
    patience::{Patience, Which},
    tally::Tally,
};

/// Pages come one after another, so there is seldom more than one group to describe; more are under
/// way only where describing takes longer than listing. ECS lets an account burst 100 such calls.
const IN_FLIGHT: usize = 8;

/// The most that ECS puts on one page.
const PAGE: i32 = 100;

/// The running tasks of one cluster.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) client: aws_sdk_ecs::Client,
    /// In words.
    endpoint: String,
    pub(super) cluster: String,
    pub(super) criteria: Criteria,
    settled: Mutex<Settled>,
    pub(super) tally: Tally,
}

/// Which tasks of the cluster to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    /// Those of the service with this name.
    Service(String),
    /// Those that this deployment or task set started.
    StartedBy(String),
}

impl Tasks {
    pub(super) fn new(config: &aws_types::SdkConfig, cluster: String, criteria: Criteria) -> Self {
        Self {
            client: aws_sdk_ecs::Client::new(config),
            endpoint: client::endpoint(config, "ECS"),
            cluster,
            criteria,
            settled: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// Lists and describes, both at once.
    pub(super) async fn read(
        &self,
        lookup: &Lookup,
        filter: &Filter,
        budget: Budget,
        calls: &mut Calls,
    ) -> Result<Found, Error> {
        let question = self.question(filter);
        let mut reading = Reading::new(&question, &self.criteria, lookup.extent);
        let calls = Mutex::new(calls);
        let on_throttle = lookup.on_throttle;
        let list = async |token: Option<String>| {
            let which = token.as_ref().map_or(Which::First, |_| Which::Later);
            let mut patience = Patience::new(on_throttle, which);
            loop {
                count(&calls, "ListTasks");
                let page = self.list(filter, &question, token.clone()).await;
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
                let answer = self.describe(&question.describe, group.clone()).await;
                match patience.pause_after(&answer) {
                    Some(pause) => sleep(pause).await,
                    None => return (group, answer),
                }
            }
        };
        let time_is_up = tokio::time::sleep_until(budget.deadline);
        tokio::pin!(time_is_up);

        let mut listing = Some(Box::pin(list(None)));
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
                // The next page is asked for before the work on an answer begins.
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
                }
                Some((group, answer)) = describing.next() => match answer {
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

    /// The service's entry, or none if there is no such service.
    pub(super) async fn service(
        &self,
        name: &str,
        budget: Budget,
    ) -> Result<Option<Described>, Error> {
        let attempt = Attempt {
            action: "ecs:DescribeServices",
            what: format!("describing service `{name}` in cluster `{}`", self.cluster),
        };
        let request = self.client.describe_services();
        let request = request.cluster(&self.cluster).services(name);
        let answer = budget.bound(&attempt, async || {
            let call = async {
                let answer = request.send().await;
                answer.map_err(|error| self.failed(&attempt, error))
            };
            self.tally.watch("DescribeServices", call).await
        });
        let answer = answer.await?;
        Ok(answer
            .services
            .unwrap_or_default()
            .into_iter()
            .find(|service| service.status() == Some("ACTIVE")))
    }

    /// One page: ARNs, and the token of the next.
    async fn list(
        &self,
        filter: &Filter,
        question: &Question,
        token: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), Error> {
        let request = self.client.list_tasks().cluster(&self.cluster);
        let request = match filter {
            Filter::Service(name) => request
                .service_name(name)
                .desired_status(DesiredStatus::Running),
            // ECS takes no other filter beside this one; running is what it lists anyway.
            Filter::StartedBy(starter) => request.started_by(starter),
        };
        let request = request.max_results(PAGE).set_next_token(token);
        let call = async {
            match request.send().await {
                Ok(page) => match page.task_arns {
                    Some(ids) => Ok((ids, page.next_token)),
                    // An empty listing says so. Silence must not pass for one.
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

    /// At least one task and at most 100 of them.
    pub(super) async fn describe(
        &self,
        attempt: &Attempt,
        ids: Vec<String>,
    ) -> Result<DescribeTasksOutput, Error> {
        let request = self.client.describe_tasks().cluster(&self.cluster);
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

    fn question(&self, filter: &Filter) -> Question {
        let cluster = &self.cluster;
        let (name, whose) = match filter {
            Filter::Service(name) => (name, format!("of service `{name}`")),
            Filter::StartedBy(starter) => (starter, format!("started by `{starter}`")),
        };
        Question {
            name: name.clone(),
            list: Attempt {
                action: "ecs:ListTasks",
                what: format!("listing the tasks {whose} in cluster `{cluster}`"),
            },
            describe: Attempt {
                action: "ecs:DescribeTasks",
                what: format!("describing the tasks {whose} in cluster `{cluster}`"),
            },
        }
    }

    /// Held for the length of a map operation, never across an await.
    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(calls: &Mutex<&mut Calls>, action: &'static str) {
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    calls.count(action);
}

/// What a service's count says; none where it is not there.
pub(super) fn wanted(count: Option<i32>) -> ExpectedNodes {
    match count {
        Some(count) => ExpectedNodes::of_count(u64::try_from(count).unwrap_or_default()),
        None => ExpectedNodes::Unknown(WhyUnknown::NoSuchService),
    }
}
