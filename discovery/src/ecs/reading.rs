//! The state of one lookup of tasks: what was listed, what must still be described, what was found. Pure: answers and
//! failures are passed in, in any order.
//!
//! A view is complete only if the listing reached its end and every listed task has a verdict. Any failure makes it
//! partial, if anything is known about any task; a lookup that learnt nothing fails with the error itself.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use aws_sdk_ecs::types::{Failure, Task};
use tokio::time::Instant;

use super::{
    settled::Settled,
    verdict::{Criteria, Verdict, Whose},
};
use crate::{
    error::{Attempt, Error},
    lookup::{Extent, Found, PartialReason},
};

/// The most tasks in one `DescribeTasks`.
pub(crate) const GROUP: usize = 100;

/// What is looked up (for messages), whose tasks they are, and the listing's name for [`Settled`].
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) whose: Whose,
    pub(crate) list: Attempt,
    pub(crate) describe: Attempt,
}

#[derive(Debug)]
pub(crate) struct Reading<'a> {
    question: &'a Question,
    criteria: &'a Criteria,
    extent: Extent,
    listing: Listing,
    tokens: HashSet<String>,
    listed: HashSet<String>,
    /// Listed, and still to be described.
    waiting: Vec<String>,
    /// Listed, with a verdict, or counted in a reason why there is none.
    accounted: usize,
    learnt: bool,
    found: Found,
    failure: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Open,
    /// No page is left.
    Done,
    /// There are more pages, but nobody will read them.
    Broken,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(question: &'a Question, criteria: &'a Criteria, extent: Extent) -> Self {
        Self {
            question,
            criteria,
            extent,
            listing: Listing::Open,
            tokens: HashSet::new(),
            listed: HashSet::new(),
            waiting: Vec::new(),
            accounted: 0,
            learnt: false,
            found: Found::default(),
            failure: None,
        }
    }

    /// Takes a page; returns the token of the next page. Only a missing token ends the listing: pages may be short,
    /// and empty pages may have successors.
    pub(crate) fn page(
        &mut self,
        ids: Vec<String>,
        next: Option<String>,
        settled: &Settled,
        now: Instant,
    ) -> Option<String> {
        for id in ids {
            // A listing that changes between its pages may name a task twice.
            if !self.listed.insert(id.clone()) {
                continue;
            }
            match settled.get(&self.question.name, &id, now) {
                Some(verdict) => self.account(id, verdict),
                None => self.waiting.push(id),
            }
        }
        let Some(token) = next.filter(|token| !token.is_empty()) else {
            self.listing = Listing::Done;
            return None;
        };
        if self.extent == Extent::FirstPage && !self.listed.is_empty() {
            self.listing = Listing::Broken;
            self.found.partial.push(PartialReason::MorePages);
            return None;
        }
        if !self.tokens.insert(token.clone()) {
            let attempt = self.question.list.clone();
            self.listing_failed(Error::RepeatedPage { attempt });
            return None;
        }
        Some(token)
    }

    pub(crate) fn listing_failed(&mut self, error: Error) {
        self.listing = Listing::Broken;
        self.found.partial.push(PartialReason::ListingEnded {
            error: error.chain(),
        });
        self.failure.get_or_insert(error);
    }

    /// Tasks to describe in one call: as many as a call may have, or the rest when the listing has ended.
    pub(crate) fn next_group(&mut self) -> Option<Vec<String>> {
        if GROUP <= self.waiting.len() {
            Some(self.waiting.drain(..GROUP).collect())
        } else if self.listing != Listing::Open && !self.waiting.is_empty() {
            Some(std::mem::take(&mut self.waiting))
        } else {
            None
        }
    }

    /// Takes the answer for a group.
    ///
    /// # Errors
    ///
    /// When a task can have no address, see [`Criteria::judge`].
    pub(crate) fn described(
        &mut self,
        group: Vec<String>,
        tasks: &[Task],
        failures: &[Failure],
        settled: &mut Settled,
        now: Instant,
    ) -> Result<(), Error> {
        let tasks: HashMap<&str, &Task> = tasks
            .iter()
            .filter_map(|task| Some((task.task_arn()?, task)))
            .collect();
        let failures: HashMap<&str, &Failure> = failures
            .iter()
            .filter_map(|failure| Some((failure.arn()?, failure)))
            .collect();
        for id in group {
            let verdict = if let Some(task) = tasks.get(id.as_str()) {
                let judged = self.criteria.judge(&id, task, &self.question.whose)?;
                if judged.settled {
                    let verdict = judged.verdict.clone();
                    settled.insert(&self.question.name, id.clone(), verdict, now);
                }
                judged.verdict
            } else if let Some(failure) = failures.get(id.as_str()) {
                Verdict::of_failure(&id, failure)
            } else {
                Verdict::not_described(&id, "the answer does not contain it".to_owned())
            };
            self.account(id, verdict);
        }
        Ok(())
    }

    pub(crate) fn group_failed(&mut self, tasks: usize, error: Error) {
        self.accounted += tasks;
        self.found.partial.push(PartialReason::GroupFailed {
            tasks,
            error: error.chain(),
        });
        self.failure.get_or_insert(error);
    }

    /// No more calls or answers will come.
    pub(crate) fn out_of_time(&mut self, after: Duration) {
        if self.listing == Listing::Open {
            let attempt = self.question.list.clone();
            self.listing_failed(Error::TimedOut { attempt, after });
        }
        let open = self.listed.len() - self.accounted;
        if 0 < open {
            let attempt = self.question.describe.clone();
            self.group_failed(open, Error::TimedOut { attempt, after });
        }
    }

    /// The view, when nothing is left to do.
    ///
    /// # Errors
    ///
    /// The first failure, if nothing was learnt about any task.
    pub(crate) fn finish(mut self, settled: &mut Settled, now: Instant) -> Result<Found, Error> {
        let all = (self.listing == Listing::Done).then_some(&self.listed);
        settled.sweep(&self.question.name, all, now);
        match self.failure.take() {
            Some(error) if !self.learnt => Err(error),
            Some(_) | None => Ok(self.found),
        }
    }

    fn account(&mut self, id: String, verdict: Verdict) {
        self.learnt = true;
        self.accounted += 1;
        verdict.add_to(&mut self.found, id);
    }
}

#[cfg(test)]
mod tests;
