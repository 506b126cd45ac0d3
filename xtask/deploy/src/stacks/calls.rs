//! CloudFormation, asked, and what the calls that change something have in common.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{StackEvent, StackStatus, Tag},
};
use tokio::{sync::OnceCell, time::sleep};

use super::{
    error::{self, StackError},
    history::{self, Cause},
    pace::Pace,
    pending::Pending,
    stack::{CHANGE_SET, Stack, TAG},
};
use crate::differences;

/// How often a question is repeated at most after a temporary failure.
const MOST_ATTEMPTS: u32 = 6;

/// The stacks of an account and region.
#[derive(Debug)]
pub struct Stacks {
    pub(super) client: Client,
    place: String,
    /// Between two looks.
    pub(super) interval: Duration,
    endpoint_url: Option<String>,
    /// Whether what answers knows change sets; not known before it was asked.
    has_change_sets: OnceCell<bool>,
    role_arn: Option<String>,
    tags: BTreeMap<String, String>,
    pub(super) pending: Pending,
}

impl Stacks {
    /// Those that `config` has access to.
    pub fn new(config: &SdkConfig) -> Self {
        let region = config
            .region()
            .map_or("no region", |region| region.as_ref());
        Self {
            client: Client::new(config),
            place: match config.endpoint_url() {
                Some(url) => url.to_owned(),
                None => format!("AWS CloudFormation in {region}"),
            },
            interval: differences::interval(config.endpoint_url()),
            endpoint_url: config.endpoint_url().map(str::to_owned),
            has_change_sets: OnceCell::new(),
            role_arn: None,
            tags: BTreeMap::new(),
            pending: Pending::default(),
        }
    }

    /// With the role for CloudFormation, and with these tags on each stack and all its resources.
    #[must_use]
    pub fn with(mut self, role_arn: Option<String>, tags: BTreeMap<String, String>) -> Self {
        self.role_arn = role_arn;
        self.tags = tags;
        self
    }

    /// Records there what is prepared, until it is executed or deleted.
    #[must_use]
    pub fn noting(mut self, pending: Pending) -> Self {
        self.pending = pending;
        self
    }

    /// Whether changes are shown before they are made: AWS does, and most emulators do.
    pub async fn takes_change_sets(&self) -> bool {
        let ask = || differences::takes_change_sets(self.endpoint_url.as_deref());
        *self.has_change_sets.get_or_init(ask).await
    }

    /// What CloudFormation is handed for a stack: what was given, or else what the stack has already.
    pub(super) fn role_for(&self, stack: Option<&Stack>) -> Option<String> {
        let given = self.role_arn.clone();
        given.or_else(|| stack.and_then(|stack| stack.role_arn.clone()))
    }

    /// Those of the stack of this name.
    pub(super) fn tags(&self, name: &str) -> Vec<Tag> {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let given = self.tags.iter().map(|(key, value)| tag(key, value));
        [tag(TAG, name)].into_iter().chain(given).collect()
    }

    /// The stack with that name, if it exists and is ours.
    pub async fn find(&self, name: &str) -> Result<Option<Stack>, StackError> {
        match self.look(name).await? {
            Some(stack) if !stack.is_ours => Err(StackError::Foreign {
                stack: name.to_owned(),
            }),
            found => Ok(found),
        }
    }

    /// Anybody's stack. One that is deleted is known by its id only.
    pub async fn look(&self, name: &str) -> Result<Option<Stack>, StackError> {
        self.patiently(async || self.look_once(name).await).await
    }

    /// The text of the stack's template.
    pub async fn template(&self, name: &str) -> Result<String, StackError> {
        let ask = async || {
            let answer = self.client.get_template().stack_name(name).send().await;
            answer.map_err(|error| self.call("read the template of", name, error))
        };
        let answer = self.patiently(ask).await?;
        Ok(answer.template_body.unwrap_or_default())
    }

    /// What failed in the last operation on a stack, first things first.
    pub async fn causes(&self, stack: &Stack) -> Result<Vec<Cause>, StackError> {
        let ask = async || self.events(&stack.id, None).await;
        Ok(history::causes(&self.patiently(ask).await?))
    }

    /// The physical names of all resources of a type that a stack has, or once had.
    pub async fn names_of(
        &self,
        stack: &Stack,
        kind: &str,
    ) -> Result<BTreeSet<String>, StackError> {
        let ask = async || self.events(&stack.id, None).await;
        let events = self.patiently(ask).await?;
        let of_kind = events.iter().filter(|it| it.resource_type() == Some(kind));
        let names = of_kind.filter_map(StackEvent::physical_resource_id);
        Ok(names.map(str::to_owned).collect())
    }

    /// As [`Stacks::look`], without patience.
    pub(super) async fn look_once(&self, name: &str) -> Result<Option<Stack>, StackError> {
        let answer = self.client.describe_stacks().stack_name(name).send().await;
        match answer {
            Ok(answer) => {
                let stacks = answer.stacks.unwrap_or_default();
                let Some(mut stack) = stacks.first().map(|it| Stack::read(it, name)) else {
                    return Ok(None);
                };
                // Nothing of it was created yet, not even its tags.
                if stack.status == StackStatus::ReviewInProgress && !stack.is_ours {
                    stack.is_ours = self.has_our_change_set(&stack).await?;
                }
                Ok(Some(stack))
            }
            // CloudFormation has no code of its own for this.
            Err(error)
                if error
                    .message()
                    .is_some_and(|text| text.contains("does not exist")) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.call("describe", name, error)),
        }
    }

    async fn has_our_change_set(&self, stack: &Stack) -> Result<bool, StackError> {
        let asked = self
            .client
            .describe_change_set()
            .stack_name(&stack.id)
            .change_set_name(CHANGE_SET)
            .send();
        match asked.await {
            Ok(_) => Ok(true),
            Err(error) if error::is_without_change_set(&error) => Ok(false),
            Err(error) => Err(self.call("look at the change set of", &stack.name, error)),
        }
    }

    /// Has the stack deleted, and does not wait for that.
    pub(super) async fn begin_deletion(&self, stack: &Stack) -> Result<(), StackError> {
        let deletion = self
            .client
            .delete_stack()
            .stack_name(&stack.id)
            .set_role_arn(self.role_for(Some(stack)))
            .send();
        deletion
            .await
            .map_err(|error| self.call("delete", &stack.name, error))?;
        Ok(())
    }

    /// The id of the newest event.
    pub(super) async fn newest_event(&self, id: &str) -> Result<Option<String>, StackError> {
        let ask = async || {
            let page = self.client.describe_stack_events().stack_name(id).send();
            let page = page.await;
            page.map_err(|error| self.call("read the events of", id, error))
        };
        let page = self.patiently(ask).await?;
        let newest = page.stack_events().first();
        Ok(newest.and_then(|event| event.event_id().map(str::to_owned)))
    }

    /// Those after the one that is known, the newest first.
    pub(super) async fn events(
        &self,
        id: &str,
        known: Option<&str>,
    ) -> Result<Vec<StackEvent>, StackError> {
        let mut news = Vec::new();
        let mut pages = self
            .client
            .describe_stack_events()
            .stack_name(id)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.call("read the events of", id, error))?;
            for event in page.stack_events.unwrap_or_default() {
                if known.is_some() && event.event_id() == known {
                    return Ok(news);
                }
                news.push(event);
            }
        }
        Ok(news)
    }

    /// Repeats the question for a while if the failure is temporary.
    pub(super) async fn patiently<T>(
        &self,
        ask: impl AsyncFn() -> Result<T, StackError>,
    ) -> Result<T, StackError> {
        let mut pace = Pace::new(self.interval);
        for _ in 1..MOST_ATTEMPTS {
            match ask().await {
                Err(error) if error.passes() => {
                    let pause = error.look().and_then(|look| pace.after(look));
                    sleep(pause.unwrap_or(self.interval)).await;
                }
                answered => return answered,
            }
        }
        ask().await
    }

    pub(super) fn call(
        &self,
        attempted: &'static str,
        stack: &str,
        error: SdkError<impl Error + ProvideErrorMetadata + Send + Sync + 'static>,
    ) -> StackError {
        if error::is_silence(&error) {
            return StackError::Silent {
                place: self.place.clone(),
                source: Box::new(error),
            };
        }
        StackError::Call {
            attempted,
            stack: stack.to_owned(),
            passing: error::passing(&error),
            source: Box::new(error),
        }
    }
}
