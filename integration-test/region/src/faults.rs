//! What goes wrong, when, and for whom.
//!
//! Rules are looked at for every request; each that applies adds its part.
//! Chance comes from a generator with a known seed.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::account::Account;
use super::account::identity::Caller;
use super::calls::Action;

/// One thing that can go wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// "Rate exceeded", as each service says it.
    Throttle,
    /// An error of this status and code, as each service writes it.
    Error {
        /// Of the HTTP answer.
        status: u16,
        /// For example `ServerException`.
        code: &'static str,
    },
    /// The answer comes this much later.
    Delay(Duration),
    /// The connection stays open and nothing comes.
    NoAnswer,
    /// The connection answers, but with half of the body.
    MalformedBody,
    /// The status is 200 and the body is empty.
    EmptyBody,
    /// A JSON answer lacks this member of its outermost object.
    WithoutMember(&'static str),
    /// Pages hold at most this many items, whatever was asked for.
    ShortPages(usize),
    /// A page holds nothing, and a token to go on with.
    EmptyPageWithToken,
    /// A page comes with the token that it was asked for by.
    RepeatToken,
    /// This many items of a page are missing, and nothing says so.
    PartialList(usize),
    /// The answer is what it was when the snapshot was taken.
    Stale(Snapshot),
}

/// The account as it was; see [`Region::snapshot`](super::Region::snapshot).
#[derive(Clone, Debug)]
pub struct Snapshot(pub(super) Arc<Account>);

/// A fault, and when it happens: always and to everybody, unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    actions: Vec<Action>,
    callers: Vec<String>,
    left: Option<usize>,
    probability: f64,
}

/// What the rules make of one request.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) delay: Duration,
    pub(super) unanswered: bool,
    pub(super) refusal: Option<Refusal>,
    pub(super) damage: Option<Damage>,
    pub(super) omitted: Vec<&'static str>,
    pub(super) paging: PagingFaults,
    pub(super) view: Option<Snapshot>,
}

/// What an answer is replaced by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    Throttled,
    Error { status: u16, code: &'static str },
}

/// What happens to the body of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Damage {
    Truncated,
    Emptied,
}

/// What happens to a page of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct PagingFaults {
    pub(super) at_most: Option<usize>,
    pub(super) empty: bool,
    pub(super) repeat_token: bool,
    /// One number per missing item, which chooses it.
    pub(super) missing: Vec<usize>,
}

/// The rules in force.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    random: StdRng,
}

impl Fault {
    /// Happens to these actions only.
    #[must_use]
    pub fn on(self, actions: impl IntoIterator<Item = Action>) -> Rule {
        Rule::from(self).on(actions)
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            actions: Vec::new(),
            callers: Vec::new(),
            left: None,
            probability: 1.0,
        }
    }
}

impl Rule {
    /// Happens to these actions only.
    #[must_use]
    pub fn on(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.actions.extend(actions);
        self
    }

    /// Happens only to callers with this role or session (a task's or instance's id).
    #[must_use]
    pub fn for_caller(mut self, name: &str) -> Self {
        self.callers.push(name.to_owned());
        self
    }

    /// Happens this many times.
    #[must_use]
    pub fn next(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    /// Happens to each request with this probability.
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    fn concerns(&self, action: Action, caller: Option<&Caller>) -> bool {
        let named = |caller: &Caller| {
            let mut names = self.callers.iter();
            names.any(|name| *name == caller.role || *name == caller.session)
        };
        (self.actions.is_empty() || self.actions.contains(&action))
            && (self.callers.is_empty() || caller.is_some_and(named))
            && self.left != Some(0)
    }
}

impl Rules {
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn seed(&mut self, seed: u64) {
        self.random = StdRng::seed_from_u64(seed);
    }

    /// What happens to a request. Counts it against every rule that applies.
    pub(super) fn strike(&mut self, action: Action, caller: Option<&Caller>) -> Effects {
        let mut effects = Effects::default();
        for rule in &mut self.rules {
            if !rule.concerns(action, caller) || !self.random.random_bool(rule.probability) {
                continue;
            }
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
            effects.add(&rule.fault, &mut self.random);
        }
        effects
    }
}

impl Effects {
    fn add(&mut self, fault: &Fault, random: &mut StdRng) {
        match fault {
            Fault::Throttle => self.refusal = Some(Refusal::Throttled),
            &Fault::Error { status, code } => self.refusal = Some(Refusal::Error { status, code }),
            Fault::Delay(delay) => self.delay += *delay,
            Fault::NoAnswer => self.unanswered = true,
            Fault::MalformedBody => self.damage = Some(Damage::Truncated),
            Fault::EmptyBody => self.damage = Some(Damage::Emptied),
            Fault::WithoutMember(name) => self.omitted.push(name),
            Fault::ShortPages(at_most) => self.paging.at_most = Some(*at_most),
            Fault::EmptyPageWithToken => self.paging.empty = true,
            Fault::RepeatToken => self.paging.repeat_token = true,
            Fault::PartialList(missing) => {
                let choices = (0..*missing).map(|_| random.random_range(0..usize::MAX));
                self.paging.missing.extend(choices);
            }
            Fault::Stale(snapshot) => self.view = Some(snapshot.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_repeats_from_its_seed() {
        let struck = |seed: u64| -> Vec<bool> {
            let mut rules = Rules::seeded(seed);
            rules.add(Rule::from(Fault::Throttle).with_probability(0.3));
            (0..1000)
                .map(|_| rules.strike(Action::ListTasks, None).refusal.is_some())
                .collect()
        };
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
        let times = struck(1).iter().filter(|struck| **struck).count();
        assert!((250..350).contains(&times), "{times}");
    }
}
