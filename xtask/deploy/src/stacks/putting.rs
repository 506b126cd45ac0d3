//! Stacks created, changed and deleted, while what happens is told.

use aws_sdk_cloudformation::{
    error::ProvideErrorMetadata,
    operation::create_stack::CreateStackError,
    types::{self, Capability, StackStatus},
};
use tokio::time::sleep;

use super::{
    calls::Stacks,
    error::{StackError, refused},
    following::{Since, Told},
    stack::{Stack, Wanted},
};
use crate::step::{self, OnFailure, Step};

/// A stack can come into being between two calls, and be gone. More than so often it does not.
const MOST_SURPRISES: u32 = 5;

/// What came of the wish to change a stack.
#[derive(Debug, Clone, Copy)]
enum Update {
    Begun,
    /// It is as it should be.
    Needless,
    /// Something else goes on with it by now.
    TooEarly,
}

impl Stacks {
    /// Takes one step after the other until the stack is as it should be, and tells what happens to each resource.
    ///
    /// What of an earlier attempt is in the way is cleared away; an attempt that fails now is an error.
    pub async fn put(
        &self,
        wanted: &Wanted,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Stack, StackError> {
        self.put_and_note(wanted, &mut None, tell).await
    }

    /// Likewise, and notes in `created` the id of the stack that it has created, whatever becomes of that.
    pub async fn put_and_note(
        &self,
        wanted: &Wanted,
        created: &mut Option<String>,
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
                        *created = Some(id.clone());
                        let mut told = Told::nothing();
                        let ended = self.settle(&id, Since::Nothing, &mut told, tell).await?;
                        return self.judge(name, &id, ended).await;
                    }
                }
                (Step::Keep, Some(stack)) => return Ok(stack),
                (Step::Change { on_failure, .. }, Some(stack)) => {
                    let mut told = self.old_news(&stack.id).await?;
                    match self.update(wanted, on_failure).await? {
                        Update::Begun => {
                            let since = Since::Was(stack.status);
                            let ended = self.settle(&stack.id, since, &mut told, tell).await?;
                            return self.judge(name, &stack.id, ended).await;
                        }
                        // It is what was wanted when that failed.
                        Update::Needless if stack.status == StackStatus::UpdateFailed => {
                            return Err(self.failure(name, &stack.id, &stack.status).await);
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
                    let ended = self.settle(&stack.id, Since::Before, &mut told, tell);
                    let ended = ended.await?;
                    if is_attempt {
                        self.judge(name, &stack.id, ended).await?;
                    }
                    continue;
                }
                (Step::Replace(status), Some(stack)) => {
                    tell(&format!("it is {status}: deleting it, to create it again"));
                    self.remove(&stack, tell).await?;
                    continue;
                }
                (Step::TakeBack, Some(stack)) => {
                    tell("it is UPDATE_ROLLBACK_FAILED: taking back the change that failed");
                    self.take_back(&stack, tell).await?;
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

    /// Deletes the stack, if there is one. `name` may be an id: then it is that one and no later one of its name.
    pub async fn delete(&self, name: &str, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        match self.find(name).await? {
            Some(stack) if stack.status != StackStatus::DeleteComplete => {
                self.remove(&stack, tell).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Deletes this very stack: by its id, since another one may have its name by now.
    async fn remove(&self, stack: &Stack, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        let Stack { name, id, .. } = stack;
        let mut told = self.old_news(id).await?;
        let mut was = stack.status.clone();
        if !step::can_be_deleted(&was) {
            tell(&format!("it is {was}: waiting for the end of that"));
            match self.settle(id, Since::Before, &mut told, tell).await? {
                Some(ended) if ended.status != StackStatus::DeleteComplete => was = ended.status,
                Some(_) | None => return Ok(()),
            }
            told = self.old_news(id).await?;
        }
        let deletion = self.client.delete_stack().stack_name(id).send();
        deletion
            .await
            .map_err(|error| self.call("delete", name, error))?;
        match self.settle(id, Since::Was(was), &mut told, tell).await? {
            None => Ok(()),
            Some(ended) if ended.status == StackStatus::DeleteComplete => Ok(()),
            Some(ended) => Err(self.failure(name, id, &ended.status).await),
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
            .set_tags(Some(wanted.tags()))
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
            .set_tags(Some(wanted.tags()))
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

    async fn take_back(&self, stack: &Stack, tell: &mut dyn FnMut(&str)) -> Result<(), StackError> {
        let Stack { name, id, .. } = stack;
        let mut told = self.old_news(id).await?;
        let again = self.client.continue_update_rollback().stack_name(id);
        again
            .send()
            .await
            .map_err(|error| self.call("take back the change of", name, error))?;
        let since = Since::Was(stack.status.clone());
        match self.settle(id, since, &mut told, tell).await? {
            Some(ended) if ended.status == StackStatus::UpdateRollbackFailed => {
                Err(self.failure(name, id, &ended.status).await)
            }
            Some(_) | None => Ok(()),
        }
    }
}
