//! Change sets: first asks what CloudFormation would do, shows it, and then does it or deletes it.
//!
//! All change sets of this program have the same name, so that a stack has at most one, and an old one is found.

use aws_sdk_cloudformation::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        create_change_set::CreateChangeSetError, describe_change_set::DescribeChangeSetOutput,
    },
    types::{Capability, ChangeSetStatus, ChangeSetType, StackStatus},
};
use discovery::excerpt;
use tokio::time::sleep;

use super::{
    calls::Stacks,
    effects::Effect,
    error::{StackError, is_busy, is_without_change_set},
    following::Since,
    pending::Undone,
    stack::{CHANGE_SET, Stack, Wanted},
};
use crate::step::OnFailure;

/// How many looks at a change set that is not ready: several minutes on AWS, where it takes seconds.
const MOST_LOOKS: u32 = 75;

/// A page has some hundred changes, and no stack here has as many resources.
const MOST_PAGES: usize = 20;

/// How much of a refusal is shown, in characters.
const LONGEST: usize = 600;

/// A change that could begin at once.
#[derive(Debug)]
pub struct Prepared {
    /// As it would be.
    pub(super) wanted: Wanted,
    /// What is there, unless the stack is new.
    pub(super) existing: Option<Stack>,
    pub(super) on_failure: OnFailure,
    /// None where changes are made without a change set.
    pub(super) set: Option<ChangeSet>,
}

/// A change set that nobody has executed.
#[derive(Debug)]
pub(super) struct ChangeSet {
    /// Its ARN.
    pub(super) id: String,
    /// That of its stack.
    pub(super) stack_id: String,
    effects: Vec<Effect>,
}

/// The result of preparing a change.
#[derive(Debug)]
pub enum Preparation {
    /// It can begin.
    Ready(Box<Prepared>),
    /// The stack is as it should be.
    Needless,
    /// The stack has changed since it was examined.
    Surprised,
}

impl Prepared {
    /// The stack's name.
    pub fn stack(&self) -> &str {
        &self.wanted.name
    }

    /// The stack that would be changed; none where it would be a new one.
    pub fn existing(&self) -> Option<&Stack> {
        self.existing.as_ref()
    }

    /// Whether it leads to exactly this.
    pub fn is_for(&self, wanted: &Wanted) -> bool {
        self.wanted == *wanted
    }

    /// What would be done, where that is known.
    pub fn effects(&self) -> &[Effect] {
        self.set.as_ref().map_or(&[], |set| &set.effects)
    }
}

impl Stacks {
    /// Asks what would be done, and does nothing. `existing` is the stack as it was found, and what happens if a
    /// change of it fails; none if there is no stack.
    pub async fn prepare(
        &self,
        wanted: &Wanted,
        existing: Option<(Stack, OnFailure)>,
    ) -> Result<Preparation, StackError> {
        let (existing, on_failure) = match existing {
            Some((stack, on_failure)) => (Some(stack), on_failure),
            // What has failed says why, as long as it is there.
            None => (None, OnFailure::Leave),
        };
        let mut prepared = Prepared {
            wanted: wanted.clone(),
            existing,
            on_failure,
            set: None,
        };
        if !self.takes_change_sets().await {
            return Ok(Preparation::Ready(Box::new(prepared)));
        }
        if let Some(stack) = &prepared.existing {
            let Stack { name, id, .. } = stack;
            self.delete_change_set(name, id, CHANGE_SET).await?;
        }
        let name = &wanted.name;
        self.pending.ask(name);
        let (id, stack_id) = match self.create_change_set(&prepared).await {
            Ok(created) => created,
            Err(error) => {
                let refused = self.not_created(&prepared, error).await;
                self.pending.answered(name, None);
                return refused;
            }
        };
        let undone = Undone {
            stack: name.clone(),
            id: id.clone(),
            stack_id: stack_id.clone(),
            is_new: prepared.existing.is_none(),
        };
        self.pending.answered(name, Some(undone));
        let described = self.described(&prepared.wanted.name, &id).await;
        let set = |effects| ChangeSet {
            id,
            stack_id,
            effects,
        };
        match described {
            Ok(Described::Ready(effects)) => {
                prepared.set = Some(set(effects));
                Ok(Preparation::Ready(Box::new(prepared)))
            }
            Ok(Described::Empty) => {
                prepared.set = Some(set(Vec::new()));
                self.discard(&prepared).await?;
                Ok(Preparation::Needless)
            }
            Err(error) => {
                prepared.set = Some(set(Vec::new()));
                // The reason of the failure is more important than the remaining change set.
                let _ = self.discard(&prepared).await;
                Err(error)
            }
        }
    }

    /// Deletes what was prepared, with the stack that was only created for it.
    pub async fn discard(&self, prepared: &Prepared) -> Result<(), StackError> {
        let Some(set) = &prepared.set else {
            return Ok(());
        };
        match &prepared.existing {
            Some(stack) => {
                let Stack { name, id, .. } = stack;
                self.delete_change_set(name, id, &set.id).await?;
            }
            None => self.delete_review(&set.stack_id).await?,
        }
        self.pending.remove(&set.id);
        Ok(())
    }

    /// Deletes everything that was prepared and not executed, one after the other, without waiting for the end. What
    /// remains is still recorded.
    pub async fn abandon(&self) {
        for set in self.pending.sets() {
            let asked = match set.is_new {
                true => self.abandon_review(&set.stack_id).await,
                false => {
                    self.delete_change_set(&set.stack, &set.stack_id, &set.id)
                        .await
                }
            };
            if asked.is_ok() {
                self.pending.remove(&set.id);
            }
        }
    }

    async fn abandon_review(&self, id: &str) -> Result<(), StackError> {
        match self.look_once(id).await? {
            Some(stack) if stack.status == StackStatus::ReviewInProgress => {
                self.begin_deletion(&stack).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Throws away the stack that was only made for a change set.
    async fn discard_leftover(&self, name: &str) -> Result<(), StackError> {
        match self.look(name).await? {
            Some(stack) if stack.is_ours => self.delete_review(&stack.id).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Deletes the stack if it is still one of which nothing was created.
    async fn delete_review(&self, id: &str) -> Result<(), StackError> {
        match self.look(id).await? {
            Some(stack) if stack.status == StackStatus::ReviewInProgress => {
                let mut told = self.old_news(id).await?;
                self.begin_deletion(&stack).await?;
                let since = Since::Was(stack.status);
                self.settle(id, since, &mut told, &mut |_| {}).await?;
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// It is no error that there is none.
    async fn delete_change_set(
        &self,
        stack: &str,
        stack_id: &str,
        name: &str,
    ) -> Result<(), StackError> {
        let deletion = self
            .client
            .delete_change_set()
            .stack_name(stack_id)
            .change_set_name(name)
            .send();
        match deletion.await {
            Ok(_) => Ok(()),
            Err(error) if is_without_change_set(&error) || is_busy(&error) => Ok(()),
            Err(error) => Err(self.call("delete an old change set of", stack, error)),
        }
    }

    /// Its ARN, and that of its stack.
    async fn create_change_set(
        &self,
        prepared: &Prepared,
    ) -> Result<(String, String), SdkError<CreateChangeSetError>> {
        let Prepared {
            wanted, existing, ..
        } = prepared;
        let (kind, name) = match existing {
            Some(stack) => (ChangeSetType::Update, &stack.id),
            None => (ChangeSetType::Create, &wanted.name),
        };
        let answer = self
            .client
            .create_change_set()
            .stack_name(name)
            .change_set_name(CHANGE_SET)
            .change_set_type(kind)
            .description("Prepared by cargo xtask deploy")
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            .set_role_arn(self.role_for(existing.as_ref()))
            .set_tags(Some(self.tags(&wanted.name)))
            .send()
            .await?;
        let id = answer.id.unwrap_or_else(|| CHANGE_SET.to_owned());
        let stack_id = answer.stack_id.unwrap_or_else(|| name.clone());
        Ok((id, stack_id))
    }

    /// What it means that there is no change set.
    async fn not_created(
        &self,
        prepared: &Prepared,
        error: SdkError<CreateChangeSetError>,
    ) -> Result<Preparation, StackError> {
        // Most of these have no codes of their own.
        let text = error.message().unwrap_or_default();
        let name = &prepared.wanted.name;
        if is_empty(text) {
            return Ok(Preparation::Needless);
        }
        if error.code() == Some("AlreadyExistsException")
            || text.contains("already exists")
            || text.contains("_IN_PROGRESS state")
            || (prepared.existing.is_some() && text.contains("does not exist"))
        {
            return Ok(Preparation::Surprised);
        }
        let error = self.call("prepare a change of", name, error);
        // Whether a refusal leaves an empty stack, nobody promises.
        if prepared.existing.is_none() && !matches!(error, StackError::Silent { .. }) {
            let _ = self.discard_leftover(name).await;
        }
        Err(error)
    }

    /// Waits until it is known what the change set does.
    async fn described(&self, stack: &str, id: &str) -> Result<Described, StackError> {
        for _ in 0..MOST_LOOKS {
            match self.describe(stack, id, None).await? {
                None => {}
                Some(page) => match page.status() {
                    Some(ChangeSetStatus::CreateComplete) => {
                        return Ok(Described::Ready(self.effects(stack, id, page).await?));
                    }
                    Some(ChangeSetStatus::Failed) => {
                        let reason = page.status_reason().unwrap_or("it does not say why");
                        return match is_empty(reason) {
                            true => Ok(Described::Empty),
                            false => Err(StackError::Refused {
                                stack: stack.to_owned(),
                                reason: excerpt(reason, LONGEST),
                            }),
                        };
                    }
                    Some(_) | None => {}
                },
            }
            sleep(self.interval).await;
        }
        Err(StackError::Refused {
            stack: stack.to_owned(),
            reason: "its change set is not ready after several minutes".to_owned(),
        })
    }

    /// All pages.
    async fn effects(
        &self,
        stack: &str,
        id: &str,
        first: DescribeChangeSetOutput,
    ) -> Result<Vec<Effect>, StackError> {
        let mut effects = Vec::new();
        let mut page = first;
        for _ in 0..MOST_PAGES {
            effects.extend(page.changes().iter().filter_map(Effect::read));
            let Some(next) = page.next_token.filter(|token| !token.is_empty()) else {
                break;
            };
            match self.describe(stack, id, Some(next)).await? {
                Some(next) => page = next,
                None => break,
            }
        }
        Ok(effects)
    }

    /// None where it is not known (yet).
    async fn describe(
        &self,
        stack: &str,
        id: &str,
        token: Option<String>,
    ) -> Result<Option<DescribeChangeSetOutput>, StackError> {
        let ask = async || {
            let asked = self
                .client
                .describe_change_set()
                .stack_name(stack)
                .change_set_name(id)
                .set_next_token(token.clone());
            match asked.send().await {
                Ok(page) => Ok(Some(page)),
                Err(error) if is_without_change_set(&error) => Ok(None),
                Err(error) => Err(self.call("look at the change set of", stack, error)),
            }
        };
        self.patiently(ask).await
    }
}

/// What is known of a change set.
enum Described {
    Ready(Vec<Effect>),
    /// It changes nothing.
    Empty,
}

/// Whether CloudFormation finds nothing to change.
fn is_empty(reason: &str) -> bool {
    ["didn't contain changes", "No updates are to be performed"]
        .iter()
        .any(|text| reason.contains(text))
}
