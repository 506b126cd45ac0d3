//! CloudFormation stacks: created or changed while what happens is told, and deleted.
//!
//! Leaves alone whatever it has not created itself: each of its stacks carries a tag.

mod error;

use std::{collections::BTreeMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata,
    types::{Capability, OnFailure, Parameter, StackEvent, StackStatus, Tag},
};
use tokio::time::sleep;

pub use self::error::StackError;
use self::error::call;

/// Marks the stacks that are ours.
const TAG: &str = "cluster-on-aws";

/// Between two looks. AWS takes minutes, and limits how often it may be asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The stacks of an account and region.
#[derive(Debug)]
pub struct Stacks {
    client: Client,
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
    id: String,
}

impl Stacks {
    /// Those that `config` has access to.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The stack of that name, if there is one.
    pub async fn find(&self, name: &str) -> Result<Option<Stack>, StackError> {
        let answer = self.client.describe_stacks().stack_name(name).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            // CloudFormation has no code of its own for this.
            Err(error)
                if error
                    .message()
                    .is_some_and(|text| text.contains("does not exist")) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(call("describe", name, error)),
        };
        let Some(stack) = answer.stacks().first() else {
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
        Ok(Some(Stack {
            status: stack
                .stack_status()
                .cloned()
                .unwrap_or_else(|| "UNKNOWN".into()),
            outputs: outputs.collect(),
            id: stack.stack_id().unwrap_or(name).to_owned(),
        }))
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
            .map_err(|error| call("delete", name, error))?;
        loop {
            let Some(stack) = self.find(name).await? else {
                return Ok(());
            };
            self.tell_events(&stack.id, &mut told, tell).await?;
            match stack.status {
                StackStatus::DeleteComplete => return Ok(()),
                StackStatus::DeleteFailed => return Err(told.failure(name, &stack.status)),
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
            .map_err(|error| call("create", &wanted.name, error))?;
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
            Err(error) => Err(call("update", &wanted.name, error)),
        }
    }

    /// Waits until the stack is as it should be. A deleted one is known by its id only.
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
            let page = page.map_err(|error| call("read the events of", id, error))?;
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

/// Of a stack's events.
#[derive(Debug, Default)]
struct Told {
    last: Option<String>,
    reasons: Vec<String>,
}

impl Told {
    fn hear(&mut self, event: &StackEvent) {
        let failed = event
            .resource_status()
            .is_some_and(|status| status.as_str().ends_with("FAILED"));
        // What was cancelled is a consequence.
        if failed
            && let Some(reason) = event.resource_status_reason()
            && !reason.contains("cancelled")
        {
            let resource = event.logical_resource_id().unwrap_or("the stack");
            self.reasons.push(format!("{resource}: {reason}"));
        }
    }

    fn failure(&self, stack: &str, status: &StackStatus) -> StackError {
        StackError::Failed {
            stack: stack.to_owned(),
            status: status.as_str().to_owned(),
            reasons: self.reasons.join("; "),
        }
    }
}

fn line(event: &StackEvent) -> String {
    let status = event.resource_status().map_or("", |status| status.as_str());
    let resource = event.logical_resource_id().unwrap_or_default();
    let kind = event.resource_type().unwrap_or_default();
    let reason = event.resource_status_reason().unwrap_or_default();
    let line = format!("{status:<20} {resource:<24} {kind} {reason}");
    line.trim_end().to_owned()
}
