//! CloudFormation stacks: created or changed while what happens is told, and deleted.
//!
//! Leaves alone whatever it has not created itself: each of its stacks carries a tag.
//! What is done with a stack of which state is decided in [`step`].

mod error;
mod history;
mod pace;

use std::{collections::BTreeMap, error::Error, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::create_stack::CreateStackError,
    types::{self, Capability, Parameter, StackEvent, StackStatus, Tag},
};
use tokio::time::{Instant, sleep};

pub use self::{
    error::{Passing, StackError},
    history::{Cause, Failure},
};
use self::{
    history::line,
    pace::{Look, Pace},
};
use crate::{
    differences,
    step::{self, Found, OnFailure, Refusal, Step},
};

/// Marks the stacks that are ours.
const TAG: &str = "cluster-on-aws";

/// Where nothing happens for so long, it is told that something goes on all the same.
const QUIET: Duration = Duration::from_secs(60);

/// A stack can come into being between two calls, and be gone. More than so often it does not.
const MOST_SURPRISES: u32 = 5;

/// The stacks of an account and region.
#[derive(Debug)]
pub struct Stacks {
    client: Client,
    place: String,
    /// Between two looks.
    interval: Duration,
}

/// A stack as it should be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The text of its template.
    pub template: String,
    /// Those that have no default, or another value.
    pub parameters: BTreeMap<String, String>,
}

/// A stack as it is.
#[derive(Debug, Clone)]
pub struct Stack {
    /// For example `UPDATE_COMPLETE`.
    pub status: StackStatus,
    /// By key.
    pub outputs: BTreeMap<String, String>,
    /// By key, defaults included.
    pub parameters: BTreeMap<String, String>,
    /// Its ARN, by which it is known when it is deleted, too.
    pub id: String,
    /// Whether this program has made it.
    pub is_ours: bool,
}

impl Stack {
    /// What the next step depends on.
    pub fn found(&self) -> Found<'_> {
        Found {
            status: &self.status,
            is_ours: self.is_ours,
        }
    }
}

/// What was told of a stack, and when.
#[derive(Debug)]
struct Told {
    /// The id of the newest event that was told.
    last: Option<String>,
    at: Instant,
    begun: Instant,
}

impl Told {
    fn nothing() -> Self {
        let now = Instant::now();
        Self {
            last: None,
            at: now,
            begun: now,
        }
    }
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
        }
    }

    /// The stack of that name, if there is one and it is ours.
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
        let answer = self.client.describe_stacks().stack_name(name).send().await;
        match answer {
            Ok(answer) => {
                let stacks = answer.stacks.unwrap_or_default();
                Ok(stacks.into_iter().next().map(|it| stack(&it, name)))
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

    /// The text of the stack's template.
    pub async fn template(&self, name: &str) -> Result<String, StackError> {
        let answer = self.client.get_template().stack_name(name).send().await;
        let answer = answer.map_err(|error| self.call("read the template of", name, error))?;
        Ok(answer.template_body.unwrap_or_default())
    }

    /// Takes one step after the other until the stack is as it should be, and tells what happens to each resource.
    ///
    /// What of an earlier attempt is in the way is cleared away; an attempt that fails now is an error.
    pub async fn put(
        &self,
        wanted: &Wanted,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Stack, StackError> {
        self.put_and_note(wanted, &mut false, tell).await
    }

    /// Likewise, and notes in `is_new` that it has created the stack, whatever becomes of that.
    pub async fn put_and_note(
        &self,
        wanted: &Wanted,
        is_new: &mut bool,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Stack, StackError> {
        let name = &wanted.name;
        let mut surprises = 0;
        loop {
            let found = self.look(name).await?;
            // Whether anything differs, CloudFormation says itself when it is asked for the change.
            let differs = vec!["as CloudFormation finds".to_owned()];
            let step = step::next(found.as_ref().map(Stack::found), differs);
            match (step, found) {
                (Step::Create, _) | (_, None) => {
                    if let Some(id) = self.create(wanted).await? {
                        *is_new = true;
                        let mut told = Told::nothing();
                        let ended = self.settle(&id, &mut told, tell).await?;
                        return self.judge(name, &id, ended).await;
                    }
                }
                (Step::Keep, Some(stack)) => return Ok(stack),
                (Step::Change { on_failure, .. }, Some(stack)) => {
                    let mut told = self.old_news(&stack.id).await?;
                    match self.update(wanted, on_failure).await? {
                        Update::Begun => {
                            let ended = self.settle(&stack.id, &mut told, tell).await?;
                            return self.judge(name, &stack.id, ended).await;
                        }
                        // It is what was wanted when that failed.
                        Update::Needless if stack.status == StackStatus::UpdateFailed => {
                            return Err(self.failure(name, &stack.id, &stack.status).await?);
                        }
                        Update::Needless => {
                            tell("nothing to change");
                            return Ok(stack);
                        }
                        Update::TooEarly => {}
                    }
                }
                (Step::Wait { status, is_attempt }, Some(stack)) => {
                    tell(&format!("it is {status}: waiting for the end of that"));
                    let mut told = self.old_news(&stack.id).await?;
                    let ended = self.settle(&stack.id, &mut told, tell).await?;
                    if is_attempt {
                        self.judge(name, &stack.id, ended).await?;
                    }
                    continue;
                }
                (Step::Replace(status), Some(_)) => {
                    tell(&format!("it is {status}: deleting it, to create it again"));
                    self.delete(name, tell).await?;
                    continue;
                }
                (Step::TakeBack, Some(stack)) => {
                    tell("it is UPDATE_ROLLBACK_FAILED: taking back the change that failed");
                    self.take_back(name, &stack.id, tell).await?;
                    continue;
                }
                (Step::Refuse(refusal), Some(_)) => return Err(refused(name, refusal)),
            }
            // It was another one when it was looked at.
            surprises += 1;
            if MOST_SURPRISES < surprises {
                return Err(StackError::Unknown {
                    stack: name.clone(),
                    status: "another at every look".to_owned(),
                });
            }
            sleep(self.interval).await;
        }
    }

    /// Deletes the stack, if there is one.
    pub async fn delete(&self, name: &str, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        let Some(stack) = self.find(name).await? else {
            return Ok(());
        };
        let id = &stack.id;
        let mut told = self.old_news(id).await?;
        if !step::can_be_deleted(&stack.status) {
            tell(&format!(
                "it is {}: waiting for the end of that",
                stack.status
            ));
            self.settle(id, &mut told, tell).await?;
        }
        let deletion = self.client.delete_stack().stack_name(name);
        deletion
            .send()
            .await
            .map_err(|error| self.call("delete", name, error))?;
        match self.settle(id, &mut told, tell).await? {
            None => Ok(()),
            Some(ended) if ended.status == StackStatus::DeleteComplete => Ok(()),
            Some(ended) => Err(self.failure(name, id, &ended.status).await?),
        }
    }

    /// The new stack's id; none where there is one of the name by now.
    async fn create(&self, wanted: &Wanted) -> Result<Option<String>, StackError> {
        let creation = self
            .client
            .create_stack()
            .stack_name(&wanted.name)
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            // What has failed says why, as long as it is there.
            .on_failure(types::OnFailure::DoNothing)
            .tags(Tag::builder().key(TAG).value(&wanted.name).build())
            .send();
        match creation.await {
            Ok(answer) => Ok(Some(answer.stack_id.unwrap_or_else(|| wanted.name.clone()))),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateStackError::is_already_exists_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.call("create", &wanted.name, error)),
        }
    }

    async fn update(&self, wanted: &Wanted, on_failure: OnFailure) -> Result<Update, StackError> {
        let update = self
            .client
            .update_stack()
            .stack_name(&wanted.name)
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            .set_disable_rollback((on_failure == OnFailure::Leave).then_some(true))
            .tags(Tag::builder().key(TAG).value(&wanted.name).build())
            .send();
        let Err(error) = update.await else {
            return Ok(Update::Begun);
        };
        // These have no codes of their own.
        let text = error.message().unwrap_or_default();
        if text.contains("No updates are to be performed") {
            Ok(Update::Needless)
        } else if text.contains("_IN_PROGRESS state") {
            Ok(Update::TooEarly)
        } else {
            Err(self.call("update", &wanted.name, error))
        }
    }

    async fn take_back(
        &self,
        name: &str,
        id: &str,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), StackError> {
        let mut told = self.old_news(id).await?;
        let again = self.client.continue_update_rollback().stack_name(name);
        again
            .send()
            .await
            .map_err(|error| self.call("take back the change of", name, error))?;
        match self.settle(id, &mut told, tell).await? {
            Some(ended) if ended.status == StackStatus::UpdateRollbackFailed => {
                Err(self.failure(name, id, &ended.status).await?)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits until nothing goes on with the stack any more, and tells meanwhile what happens.
    async fn settle(
        &self,
        id: &str,
        told: &mut Told,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Stack>, StackError> {
        let mut pace = Pace::new(self.interval);
        loop {
            let (look, error) = match self.glance(id, told, tell).await {
                Ok(None) => return Ok(None),
                Ok(Some(stack)) if !step::goes_on(&stack.status) => return Ok(Some(stack)),
                Ok(Some(_)) => (Some(Look::Answered), None),
                Err(error) => (error.look(), Some(error)),
            };
            match (look.and_then(|look| pace.after(look)), error) {
                (Some(pause), _) => sleep(pause).await,
                (None, Some(error)) => return Err(error),
                (None, None) => {}
            }
        }
    }

    /// Looks once, and tells what has happened up to then.
    async fn glance(
        &self,
        id: &str,
        told: &mut Told,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Stack>, StackError> {
        let Some(stack) = self.look(id).await? else {
            return Ok(None);
        };
        let news = self.events(id, told.last.as_deref()).await?;
        if let Some(newest) = news.first() {
            told.last = newest.event_id().map(str::to_owned);
            told.at = Instant::now();
        } else if QUIET <= told.at.elapsed() && step::goes_on(&stack.status) {
            told.at = Instant::now();
            let minutes = told.begun.elapsed().as_secs() / 60;
            tell(&format!("still {} after {minutes} min", stack.status));
        }
        for event in news.iter().rev() {
            tell(&line(event));
        }
        Ok(Some(stack))
    }

    /// Whether the stack is now as it should be.
    async fn judge(&self, name: &str, id: &str, ended: Option<Stack>) -> Result<Stack, StackError> {
        match ended {
            Some(stack) if step::has_succeeded(&stack.status) => Ok(stack),
            Some(stack) => Err(self.failure(name, id, &stack.status).await?),
            None => {
                let gone = StackStatus::DeleteComplete;
                Err(self.failure(name, id, &gone).await?)
            }
        }
    }

    /// Why the stack has failed. Without its events it is said at least that it has.
    async fn failure(
        &self,
        name: &str,
        id: &str,
        status: &StackStatus,
    ) -> Result<StackError, StackError> {
        let events = self.events(id, None).await.unwrap_or_default();
        Ok(StackError::Failed(Box::new(Failure {
            stack: name.to_owned(),
            id: id.to_owned(),
            status: status.as_str().to_owned(),
            causes: history::causes(&events),
            resources: history::resources(&events),
        })))
    }

    /// What has happened before is not told.
    async fn old_news(&self, id: &str) -> Result<Told, StackError> {
        let page = self.client.describe_stack_events().stack_name(id).send();
        let page = page
            .await
            .map_err(|error| self.call("read the events of", id, error))?;
        let newest = page.stack_events().first();
        Ok(Told {
            last: newest.and_then(|event| event.event_id().map(str::to_owned)),
            ..Told::nothing()
        })
    }

    /// Those after the one that is known, the newest first.
    async fn events(&self, id: &str, known: Option<&str>) -> Result<Vec<StackEvent>, StackError> {
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

    fn call(
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

/// What came of the wish to change a stack.
#[derive(Debug, Clone, Copy)]
enum Update {
    Begun,
    /// It is as it should be.
    Needless,
    /// Something else goes on with it by now.
    TooEarly,
}

/// Why the stack is left alone, as an error.
pub(crate) fn refused(name: &str, refusal: Refusal) -> StackError {
    let stack = name.to_owned();
    match refusal {
        Refusal::Foreign => StackError::Foreign { stack },
        Refusal::Unknown(status) => StackError::Unknown {
            stack,
            status: status.as_str().to_owned(),
        },
    }
}

fn stack(described: &types::Stack, name: &str) -> Stack {
    let outputs = described.outputs().iter().filter_map(|output| {
        Some((
            output.output_key()?.to_owned(),
            output.output_value()?.to_owned(),
        ))
    });
    let parameters = described.parameters().iter().filter_map(|parameter| {
        Some((
            parameter.parameter_key()?.to_owned(),
            parameter.parameter_value()?.to_owned(),
        ))
    });
    let status = described.stack_status().cloned();
    let mut tags = described.tags().iter();
    Stack {
        status: status.unwrap_or_else(|| "UNKNOWN".into()),
        outputs: outputs.collect(),
        parameters: parameters.collect(),
        id: described.stack_id().unwrap_or(name).to_owned(),
        is_ours: tags.any(|tag| tag.key() == Some(TAG)),
    }
}

impl Wanted {
    fn parameters(&self) -> Vec<Parameter> {
        let parameter = |(key, value): (&String, &String)| {
            Parameter::builder()
                .parameter_key(key)
                .parameter_value(value)
                .build()
        };
        self.parameters.iter().map(parameter).collect()
    }
}
