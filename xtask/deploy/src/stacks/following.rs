//! Follows what happens to a stack until it is over.
//!
//! CloudFormation's answers are eventually consistent: for some seconds after an operation has begun, it may show the
//! stack as it was before. Such an answer is not the end of the operation.

use std::time::Duration;

use aws_sdk_cloudformation::types::{StackEvent, StackStatus};
use tokio::time::{Instant, sleep};

use super::{
    calls::Stacks,
    error::StackError,
    history::{self, Failure, line},
    pace::{Look, Pace},
    stack::Stack,
};
use crate::step;

/// If nothing happens for this long, a line says that the operation is still running.
const QUIET: Duration = Duration::from_secs(60);

/// How many looks in a row may show the old state: more than a minute on AWS. After that, the operation has not
/// begun.
const MOST_STALE: u32 = 20;

/// Who waits, and for what.
#[derive(Debug, Clone)]
pub(super) enum Since {
    /// For the end of what goes on already.
    Before,
    /// For the end of an operation that was begun on a stack of this state.
    Was(StackStatus),
    /// For the end of its creation, before which there was none.
    Nothing,
}

/// What was told of a stack, and when.
#[derive(Debug)]
pub(super) struct Told {
    /// The id of the newest event that was told.
    last: Option<String>,
    /// Whether an event that was told says that an operation on the stack itself is over.
    is_over: bool,
    at: Instant,
    begun: Instant,
}

impl Told {
    pub(super) fn nothing() -> Self {
        let now = Instant::now();
        Self {
            last: None,
            is_over: false,
            at: now,
            begun: now,
        }
    }
}

impl Since {
    /// Whether an answer may be older than the operation that is waited for.
    fn may_be_stale(&self, seen: Option<&Stack>, is_over: bool) -> bool {
        match (self, seen) {
            (Self::Before, _) | (Self::Nothing, Some(_)) => false,
            (Self::Nothing, None) => true,
            (Self::Was(_), None) => false,
            (Self::Was(status), Some(stack)) => {
                // What comes to the same state again says so by an event.
                stack.status == *status && !step::goes_on(status) && !is_over
            }
        }
    }
}

impl Stacks {
    /// What has happened before is not told.
    pub(super) async fn old_news(&self, id: &str) -> Result<Told, StackError> {
        Ok(Told {
            last: self.newest_event(id).await?,
            ..Told::nothing()
        })
    }

    /// Waits until nothing goes on with the stack any more, and tells meanwhile what happens.
    pub(super) async fn settle(
        &self,
        id: &str,
        since: Since,
        told: &mut Told,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Stack>, StackError> {
        let mut pace = Pace::new(self.interval);
        let mut stale = 0;
        loop {
            let (look, error) = match self.glance(id, told, tell).await {
                Ok(seen) if since.may_be_stale(seen.as_ref(), told.is_over) => {
                    stale += 1;
                    if MOST_STALE < stale {
                        return Err(StackError::NotBegun {
                            stack: id.to_owned(),
                        });
                    }
                    (Some(Look::Answered), None)
                }
                Ok(None) => return Ok(None),
                Ok(Some(stack)) if !step::goes_on(&stack.status) => return Ok(Some(stack)),
                Ok(Some(_)) => {
                    // It has begun; a later answer may be an old one all the same.
                    stale = 0;
                    (Some(Look::Answered), None)
                }
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
        let Some(stack) = self.look_once(id).await? else {
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
        told.is_over |= news.iter().any(is_over);
        for event in news.iter().rev() {
            tell(&line(event));
        }
        Ok(Some(stack))
    }

    /// Whether the stack is now as it should be.
    pub(super) async fn judge(
        &self,
        name: &str,
        id: &str,
        ended: Option<Stack>,
    ) -> Result<Stack, StackError> {
        match ended {
            Some(stack) if step::has_succeeded(&stack.status) => Ok(stack),
            Some(stack) => Err(self.failure(name, id, &stack.status).await),
            None => {
                let gone = StackStatus::DeleteComplete;
                Err(self.failure(name, id, &gone).await)
            }
        }
    }

    /// Why the stack has failed. Without its events it is said at least that it has, and why they cannot be had.
    pub(super) async fn failure(&self, name: &str, id: &str, status: &StackStatus) -> StackError {
        let ask = async || self.events(id, None).await;
        let (events, gap) = match self.patiently(ask).await {
            Ok(events) => (events, None),
            Err(error) => (
                Vec::new(),
                Some(format!("{:#}", anyhow::Error::from(error))),
            ),
        };
        StackError::Failed(Box::new(Failure {
            stack: name.to_owned(),
            id: id.to_owned(),
            status: status.as_str().to_owned(),
            causes: history::causes(&events),
            resources: history::resources(&events),
            gave_up: history::gave_up(&events),
            gap,
        }))
    }
}

/// Whether the event is the last one of an operation on the stack itself.
fn is_over(event: &StackEvent) -> bool {
    let status = event.resource_status().map_or("", |status| status.as_str());
    history::is_of_stack(event) && !status.is_empty() && !status.ends_with("_IN_PROGRESS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_is_not_the_end_unless_an_event_says_so() {
        for (was, seen, is_over, expected) in [
            ("CREATE_COMPLETE", Some("CREATE_COMPLETE"), false, true),
            ("CREATE_COMPLETE", Some("UPDATE_COMPLETE"), false, false),
            ("CREATE_COMPLETE", Some("UPDATE_IN_PROGRESS"), false, false),
            // It was changed, and is in the same state again.
            ("UPDATE_COMPLETE", Some("UPDATE_COMPLETE"), false, true),
            ("UPDATE_COMPLETE", Some("UPDATE_COMPLETE"), true, false),
            ("DELETE_FAILED", Some("DELETE_FAILED"), true, false),
            // What is deleted while it is created goes on at any rate.
            (
                "CREATE_IN_PROGRESS",
                Some("CREATE_IN_PROGRESS"),
                false,
                false,
            ),
            ("CREATE_COMPLETE", None, false, false),
        ] {
            let seen = seen.map(stack);
            let stale = Since::Was(was.into()).may_be_stale(seen.as_ref(), is_over);
            assert_eq!(stale, expected, "{was} {seen:?} {is_over}");
        }
    }

    #[test]
    fn what_is_created_is_not_known_at_once() {
        assert!(Since::Nothing.may_be_stale(None, false));
        assert!(!Since::Nothing.may_be_stale(Some(&stack("CREATE_IN_PROGRESS")), false));
        // Who waits for what others do takes what is there.
        assert!(!Since::Before.may_be_stale(Some(&stack("UPDATE_COMPLETE")), false));
    }

    fn stack(status: &str) -> Stack {
        Stack {
            name: "orders-service".to_owned(),
            status: status.into(),
            outputs: Default::default(),
            parameters: Default::default(),
            id: "arn".to_owned(),
            is_ours: true,
            role_arn: None,
        }
    }
}
