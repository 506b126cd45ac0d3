//! Creates, changes and deletes stacks, while the events are printed.

use aws_sdk_cloudformation::{
    error::ProvideErrorMetadata,
    types::{self, Capability, StackStatus},
};
use tokio::time::sleep;

use super::{
    calls::Stacks,
    changes::{Preparation, Prepared},
    error::{StackError, is_outdated, refused},
    following::{Since, Told},
    stack::{Stack, Wanted},
};
use crate::step::{self, OnFailure, Step};

/// A stack can come into being between two calls, and be gone. More than so often it does not.
const MOST_SURPRISES: u32 = 5;

/// From no state does it take more steps to one that can be changed, unless others change it, too.
const MOST_STEPS: u32 = 12;

/// What there is to be done once nothing is in the way any more.
#[derive(Debug)]
pub enum Ready {
    /// Nothing.
    Done(Box<Stack>),
    /// This.
    Change(Box<Prepared>),
}

/// What came of a change that was prepared.
#[derive(Debug)]
pub enum Executed {
    /// The stack is as it should be.
    Done(Box<Stack>),
    /// The stack was another one than the one that was looked at, and nothing was done. Only without change sets.
    Surprised,
}

impl Stacks {
    /// Takes one step after the other until the stack is as it should be, and prints what happens to each resource.
    ///
    /// Removes what an earlier attempt has left; an attempt that fails now is an error.
    pub async fn put(
        &self,
        wanted: &Wanted,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Stack, StackError> {
        for _ in 0..MOST_SURPRISES {
            let prepared = match Box::pin(self.ready(wanted, tell)).await? {
                Ready::Done(stack) => return Ok(*stack),
                Ready::Change(prepared) => prepared,
            };
            match Box::pin(self.execute(*prepared, &mut None, tell)).await? {
                Executed::Done(stack) => return Ok(*stack),
                Executed::Surprised => sleep(self.interval).await,
            }
        }
        Err(another_at_every_look(&wanted.name))
    }

    /// Removes what prevents the change, and prepares it.
    pub async fn ready(
        &self,
        wanted: &Wanted,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Ready, StackError> {
        let name = &wanted.name;
        for _ in 0..MOST_SURPRISES {
            let existing = self.make_way(name, tell).await?;
            match self.prepare(wanted, existing.clone()).await? {
                Preparation::Ready(prepared) => return Ok(Ready::Change(prepared)),
                Preparation::Needless => {
                    if let Some((stack, _)) = existing {
                        return self.needless(stack, tell).await.map(Ready::Done);
                    }
                }
                Preparation::Surprised => {}
            }
            // It was another one when it was looked at.
            sleep(self.interval).await;
        }
        Err(another_at_every_look(name))
    }

    /// The stack as it is once it can be changed, and what becomes of a change that fails; none where there is none.
    async fn make_way(
        &self,
        name: &str,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<(Stack, OnFailure)>, StackError> {
        for _ in 0..MOST_STEPS {
            let Some(stack) = self.look(name).await? else {
                return Ok(None);
            };
            // Whether anything differs, CloudFormation says itself when it is asked for the change.
            let differs = vec!["as CloudFormation finds".to_owned()];
            match step::next(Some(stack.found()), differs) {
                Step::Create => return Ok(None),
                Step::Keep => return Ok(Some((stack, OnFailure::TakeBack))),
                Step::Change { on_failure, .. } => return Ok(Some((stack, on_failure))),
                Step::Wait { status, is_attempt } => {
                    tell(&format!("it is {status}: waiting until that has ended"));
                    let mut told = self.old_news(&stack.id).await?;
                    let ended = self.settle(&stack.id, Since::Before, &mut told, tell);
                    let ended = ended.await?;
                    if is_attempt {
                        self.judge(name, &stack.id, ended).await?;
                    }
                }
                Step::Replace(status) => {
                    tell(&format!("it is {status}: deleting it, to create it again"));
                    self.remove(&stack, tell).await?;
                }
                Step::TakeBack => {
                    tell("it is UPDATE_ROLLBACK_FAILED: rolling back the failed change");
                    self.take_back(&stack, tell).await?;
                }
                Step::Refuse(refusal) => return Err(refused(name, refusal)),
            }
        }
        Err(another_at_every_look(name))
    }

    /// Does what was prepared, and follows it to its end. Records in `created` the id of a stack that it has created,
    /// also on failure.
    pub async fn execute(
        &self,
        prepared: Prepared,
        created: &mut Option<String>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Executed, StackError> {
        let name = prepared.wanted.name.clone();
        let mut told = Told::nothing();
        let begun = match self.begin(&prepared, &mut told).await {
            Ok(begun) => begun,
            Err(error) => {
                self.clear_unbegun(&prepared, &error, tell).await;
                return Err(error);
            }
        };
        let (id, since) = match (begun, prepared.existing) {
            (Begun::Yes(id), Some(stack)) => (id, Since::Was(stack.status)),
            (Begun::Yes(id), None) => {
                *created = Some(id.clone());
                let since = match prepared.set {
                    Some(_) => Since::Was(StackStatus::ReviewInProgress),
                    None => Since::Nothing,
                };
                (id, since)
            }
            (Begun::Needless, Some(stack)) => {
                return self.needless(stack, tell).await.map(Executed::Done);
            }
            (Begun::Needless | Begun::TooEarly, _) => return Ok(Executed::Surprised),
        };
        let ended = self.settle(&id, since, &mut told, tell).await?;
        let stack = self.judge(&name, &id, ended).await?;
        Ok(Executed::Done(Box::new(stack)))
    }

    async fn begin(&self, prepared: &Prepared, told: &mut Told) -> Result<Begun, StackError> {
        let existing = prepared.existing.as_ref();
        let known = existing.map(|stack| &stack.id);
        if let Some(id) = known.or(prepared.set.as_ref().map(|set| &set.stack_id)) {
            *told = self.old_news(id).await?;
        }
        match (&prepared.set, existing) {
            (Some(_), _) => self.execute_set(prepared).await,
            (None, Some(_)) => self.update(prepared).await,
            (None, None) => self.create(&prepared.wanted).await,
        }
    }

    /// Throws away what was prepared, or says that it is left.
    async fn clear_unbegun(
        &self,
        prepared: &Prepared,
        error: &StackError,
        tell: &mut dyn FnMut(&str),
    ) {
        let Some(set) = &prepared.set else {
            return;
        };
        let is_untried = self.pending.has(&set.id);
        // It is another one's by now, or gone.
        if matches!(error, StackError::Outdated { .. }) {
            return;
        }
        let may_have_begun = !is_untried && error.look().is_some();
        if may_have_begun || self.discard(prepared).await.is_err() {
            tell("the change set may be left; the next run deletes it");
        }
    }

    /// The stack is as it should be, unless it is what was wanted when that failed.
    async fn needless(
        &self,
        stack: Stack,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Box<Stack>, StackError> {
        if stack.status == StackStatus::UpdateFailed {
            return Err(self.failure(&stack.name, &stack.id, &stack.status).await);
        }
        tell("nothing to change");
        Ok(Box::new(stack))
    }

    /// Deletes the stack, if there is one. `name` may be an id: then it is this stack and not a later one with its
    /// name.
    pub async fn delete(&self, name: &str, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        match self.find(name).await? {
            Some(stack) if stack.status != StackStatus::DeleteComplete => {
                self.remove(&stack, tell).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Deletes this particular stack: by its id, since another one may have its name by now.
    async fn remove(&self, stack: &Stack, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        let Stack { name, id, .. } = stack;
        let mut told = self.old_news(id).await?;
        let mut was = stack.status.clone();
        if !step::can_be_deleted(&was) {
            tell(&format!("it is {was}: waiting until that has ended"));
            match self.settle(id, Since::Before, &mut told, tell).await? {
                Some(ended) if ended.status != StackStatus::DeleteComplete => was = ended.status,
                Some(_) | None => return Ok(()),
            }
            told = self.old_news(id).await?;
        }
        self.begin_deletion(stack).await?;
        match self.settle(id, Since::Was(was), &mut told, tell).await? {
            None => Ok(()),
            Some(ended) if ended.status == StackStatus::DeleteComplete => Ok(()),
            Some(ended) => Err(self.failure(name, id, &ended.status).await),
        }
    }

    /// The new stack's id.
    async fn create(&self, wanted: &Wanted) -> Result<Begun, StackError> {
        let creation = self
            .client
            .create_stack()
            .stack_name(&wanted.name)
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            .on_failure(types::OnFailure::DoNothing)
            .set_role_arn(self.role_for(None))
            .set_tags(Some(self.tags(&wanted.name)))
            .send();
        match creation.await {
            Ok(answer) => {
                let id = answer.stack_id.unwrap_or_else(|| wanted.name.clone());
                Ok(Begun::Yes(id))
            }
            // There is one of the name by now.
            Err(error) if error.code() == Some("AlreadyExistsException") => Ok(Begun::TooEarly),
            Err(error) => Err(self.call("create", &wanted.name, error)),
        }
    }

    async fn update(&self, prepared: &Prepared) -> Result<Begun, StackError> {
        let wanted = &prepared.wanted;
        let leave = prepared.on_failure == OnFailure::Leave;
        let existing = prepared.existing.as_ref();
        let id = existing.map_or(&wanted.name, |stack| &stack.id);
        let update = self
            .client
            .update_stack()
            .stack_name(id)
            .template_body(&wanted.template)
            .set_parameters(Some(wanted.parameters()))
            .capabilities(Capability::CapabilityIam)
            .set_disable_rollback(leave.then_some(true))
            .set_role_arn(self.role_for(existing))
            .set_tags(Some(self.tags(&wanted.name)))
            .send();
        let Err(error) = update.await else {
            return Ok(Begun::Yes(id.clone()));
        };
        // These have no codes of their own.
        let text = error.message().unwrap_or_default();
        if text.contains("No updates are to be performed") {
            Ok(Begun::Needless)
        } else if text.contains("_IN_PROGRESS state") {
            Ok(Begun::TooEarly)
        } else {
            Err(self.call("update", &wanted.name, error))
        }
    }

    /// Exactly what was shown, or nothing.
    async fn execute_set(&self, prepared: &Prepared) -> Result<Begun, StackError> {
        let name = &prepared.wanted.name;
        let Some(set) = &prepared.set else {
            return Ok(Begun::TooEarly);
        };
        // The same token makes a repeated request have its effect only once.
        let token = set.id.rsplit('/').next().unwrap_or_default();
        // From now on it is not for this run to throw away.
        self.pending.remove(&set.id);
        let execution = self
            .client
            .execute_change_set()
            .stack_name(&set.stack_id)
            .change_set_name(&set.id)
            .disable_rollback(prepared.on_failure == OnFailure::Leave)
            .client_request_token(token)
            .send();
        match execution.await {
            Ok(_) => Ok(Begun::Yes(set.stack_id.clone())),
            Err(error) if is_outdated(&error) => Err(StackError::Outdated {
                stack: name.clone(),
            }),
            Err(error) => Err(self.call("change", name, error)),
        }
    }

    async fn take_back(&self, stack: &Stack, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        let Stack { name, id, .. } = stack;
        let mut told = self.old_news(id).await?;
        let again = self
            .client
            .continue_update_rollback()
            .stack_name(id)
            .set_role_arn(self.role_for(Some(stack)));
        again
            .send()
            .await
            .map_err(|error| self.call("roll back the change of", name, error))?;
        let since = Since::Was(stack.status.clone());
        match self.settle(id, since, &mut told, tell).await? {
            Some(ended) if ended.status == StackStatus::UpdateRollbackFailed => {
                Err(self.failure(name, id, &ended.status).await)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What came of a call that begins something.
#[derive(Debug, Clone)]
enum Begun {
    /// It goes on with the stack of this id.
    Yes(String),
    /// The stack is as it should be.
    Needless,
    /// Something else goes on with it by now.
    TooEarly,
}

fn another_at_every_look(stack: &str) -> StackError {
    StackError::Unknown {
        stack: stack.to_owned(),
        status: "another at every look".to_owned(),
    }
}
