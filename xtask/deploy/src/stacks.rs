//! CloudFormation stacks: created or changed while what happens is told, and deleted.
//!
//! Leaves alone whatever it has not created itself: each of its stacks carries a tag.

mod error;
mod events;

use std::{collections::BTreeMap, error::Error, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{self, Capability, OnFailure, Parameter, StackStatus, Tag},
};
use tokio::time::sleep;

pub use self::error::StackError;
use self::events::{Told, line};

/// Marks the stacks that are ours.
const TAG: &str = "cluster-on-aws";

/// Between two looks. AWS takes minutes, and limits how often it may be asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The stacks of an account and region.
#[derive(Debug)]
pub struct Stacks {
    client: Client,
    place: String,
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
        }
    }

    /// The stack of that name, if there is one.
    pub async fn find(&self, name: &str) -> Result<Option<Stack>, StackError> {
        let Some(stack) = self.look(name).await? else {
            return Ok(None);
        };
        if !stack.tags().iter().any(|tag| tag.key() == Some(TAG)) {
            return Err(StackError::Foreign {
                stack: name.to_owned(),
            });
        }
        let outputs = stack.outputs().iter().filter_map(|output| {
            Some((
                output.output_key()?.to_owned(),
                output.output_value()?.to_owned(),
            ))
        });
        let parameters = stack.parameters().iter().filter_map(|parameter| {
            Some((
                parameter.parameter_key()?.to_owned(),
                parameter.parameter_value()?.to_owned(),
            ))
        });
        Ok(Some(Stack {
            status: status(&stack),
            outputs: outputs.collect(),
            parameters: parameters.collect(),
            id: stack.stack_id().unwrap_or(name).to_owned(),
        }))
    }

    /// Anybody's stack. One that is deleted is known by its id only.
    async fn look(&self, name: &str) -> Result<Option<types::Stack>, StackError> {
        let answer = self.client.describe_stacks().stack_name(name).send().await;
        match answer {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
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

    /// Creates the stack, or changes it, or finds nothing to change. Tells what happens to each resource.
    pub async fn put(
        &self,
        wanted: &Wanted,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Stack, StackError> {
        let name = &wanted.name;
        let Some(stack) = self.find(name).await? else {
            self.create(wanted).await?;
            return self.follow(name, name, &mut Told::default(), tell).await;
        };
        let mut told = Told::default();
        // What has happened before is old news.
        self.tell_events(&stack.id, &mut told, &mut |_| {}).await?;
        if self.update(wanted).await? {
            self.follow(name, &stack.id, &mut told, tell).await
        } else {
            tell("nothing to change");
            Ok(stack)
        }
    }

    /// Deletes the stack, if there is one.
    pub async fn delete(&self, name: &str, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        let Some(stack) = self.find(name).await? else {
            return Ok(());
        };
        let mut told = Told::default();
        self.tell_events(&stack.id, &mut told, &mut |_| {}).await?;
        let deletion = self.client.delete_stack().stack_name(name);
        deletion
            .send()
            .await
            .map_err(|error| self.call("delete", name, error))?;
        loop {
            let Some(now) = self.look(&stack.id).await? else {
                return Ok(());
            };
            self.tell_events(&stack.id, &mut told, tell).await?;
            match status(&now) {
                StackStatus::DeleteComplete => return Ok(()),
                failed @ StackStatus::DeleteFailed => return Err(told.failure(name, &failed)),
                _ => sleep(INTERVAL).await,
            }
        }
    }

    async fn create(&self, wanted: &Wanted) -> Result<(), StackError> {
        let creation = self
            .client
            .create_stack()
            .stack_name(&wanted.name)
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            .on_failure(OnFailure::Delete)
            .tags(Tag::builder().key(TAG).value(&wanted.name).build())
            .send();
        creation
            .await
            .map_err(|error| self.call("create", &wanted.name, error))?;
        Ok(())
    }

    /// Whether there is anything to change.
    async fn update(&self, wanted: &Wanted) -> Result<bool, StackError> {
        let update = self
            .client
            .update_stack()
            .stack_name(&wanted.name)
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            .tags(Tag::builder().key(TAG).value(&wanted.name).build())
            .send();
        match update.await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .message()
                    .is_some_and(|text| text.contains("No updates are to be performed")) =>
            {
                Ok(false)
            }
            Err(error) => Err(self.call("update", &wanted.name, error)),
        }
    }

    /// Waits until the stack is as it should be.
    async fn follow(
        &self,
        name: &str,
        id: &str,
        told: &mut Told,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Stack, StackError> {
        let mut id = id.to_owned();
        loop {
            self.tell_events(&id, told, tell).await?;
            let Some(stack) = self.find(&id).await? else {
                return Err(told.failure(name, &StackStatus::DeleteComplete));
            };
            id.clone_from(&stack.id);
            let status = &stack.status;
            match status {
                StackStatus::CreateComplete | StackStatus::UpdateComplete => {
                    self.tell_events(&id, told, tell).await?;
                    return Ok(stack);
                }
                StackStatus::CreateFailed
                | StackStatus::RollbackComplete
                | StackStatus::RollbackFailed
                | StackStatus::UpdateFailed
                | StackStatus::UpdateRollbackComplete
                | StackStatus::UpdateRollbackFailed
                | StackStatus::DeleteComplete
                | StackStatus::DeleteFailed => {
                    self.tell_events(&id, told, tell).await?;
                    return Err(told.failure(name, status));
                }
                _ => sleep(INTERVAL).await,
            }
        }
    }

    fn call(
        &self,
        attempted: &'static str,
        stack: &str,
        error: SdkError<impl Error + Send + Sync + 'static>,
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
            source: Box::new(error),
        }
    }

    /// Tells the events that were not told yet, oldest first.
    async fn tell_events(
        &self,
        id: &str,
        told: &mut Told,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), StackError> {
        let mut news = Vec::new();
        let mut pages = self
            .client
            .describe_stack_events()
            .stack_name(id)
            .into_paginator()
            .send();
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.call("read the events of", id, error))?;
            for event in page.stack_events() {
                // Newest first: from the first known one on, all are known.
                if event.event_id() == told.last.as_deref() {
                    break 'pages;
                }
                news.push(event.clone());
            }
        }
        if let Some(newest) = news.first() {
            told.last = newest.event_id().map(str::to_owned);
        }
        for event in news.iter().rev() {
            told.hear(event);
            tell(&line(event));
        }
        Ok(())
    }
}

fn status(stack: &types::Stack) -> StackStatus {
    let status = stack.stack_status().cloned();
    status.unwrap_or_else(|| "UNKNOWN".into())
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
