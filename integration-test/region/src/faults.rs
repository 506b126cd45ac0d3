//! What goes wrong, when, and for whom.
//!
//! For every request all rules are checked; each one that applies adds its effect. Random numbers come from a
//! generator with a known seed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::account::Account;
use super::account::identity::Caller;
use super::calls::Action;

/// One thing that can go wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// "Rate exceeded", in the format of each service.
    Throttle,
    /// An error with this status and code, in the format of each service.
    Error {
        /// Of the HTTP answer.
        status: u16,
        /// For example `ServerException`.
        code: &'static str,
    },
    /// The answer comes this much later.
    Delay(Duration),
    /// The connection stays open and there is no answer.
    NoAnswer,
    /// The connection answers, but with half of the body.
    MalformedBody,
    /// The status is 200 and the body is empty.
    EmptyBody,
    /// A JSON answer lacks this member of its outermost object.
    WithoutMember(&'static str),
    /// Pages hold at most this many items, whatever was asked for.
    ShortPages(usize),
    /// A page is empty, but has a token for the next page.
    EmptyPageWithToken,
    /// A page has the same token again with which it was requested.
    RepeatToken,
    /// This many items of a page are missing, without any sign of it.
    PartialList(usize),
    /// The answer is the one at the time of the snapshot.
    Stale(Snapshot),
}

/// The account as it was; see [`Region::snapshot`](super::Region::snapshot).
#[derive(Clone, Debug)]
pub struct Snapshot(pub(super) Arc<Account>);

/// A fault, and when it happens: always and to all callers unless the rule says otherwise.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    actions: Vec<Action>,
    callers: Vec<String>,
    times: Option<usize>,
    probability: f64,
}

/// The combined effect of the rules on one request.
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

/// The error instead of an answer.
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
    /// One random number per missing item, which selects it.
    pub(super) missing: Vec<usize>,
}

/// A rule, and the time in which it was in force.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What went wrong, and for whom.
    pub rule: Rule,
    /// When it was added.
    pub from: SystemTime,
    /// When it was removed, or had happened as often as it should. None while it is in force.
    pub to: Option<SystemTime>,
    /// How many calls it affected.
    pub struck: usize,
}

/// The rules, present and past.
#[derive(Debug)]
pub(super) struct Rules {
    troubles: Vec<Trouble>,
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
            times: None,
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
        self.times = Some(times);
        self
    }

    /// Happens to each request with this probability.
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// The roles or sessions that it happens to. Empty if it happens to all.
    #[must_use]
    pub fn callers(&self) -> &[String] {
        &self.callers
    }

    fn concerns(&self, action: Action, caller: Option<&Caller>) -> bool {
        let named = |caller: &Caller| {
            let mut names = self.callers.iter();
            names.any(|name| *name == caller.role || *name == caller.session)
        };
        (self.actions.is_empty() || self.actions.contains(&action))
            && (self.callers.is_empty() || caller.is_some_and(named))
            && self.times != Some(0)
    }
}

/// What goes wrong, without the callers, as a line of text: `ListTasks, DescribeTasks: throttled, 10 % of the calls`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<_> = self.actions.iter().map(|action| action.as_str()).collect();
        match &actions[..] {
            [] => f.write_str("every call"),
            named => f.write_str(&named.join(", ")),
        }?;
        write!(f, ": {}", self.fault)?;
        if self.probability < 1.0 {
            write!(f, ", {:.0} % of the calls", self.probability * 100.0)?;
        }
        match self.times {
            None => Ok(()),
            Some(1) => f.write_str(", once"),
            Some(times) => write!(f, ", {times} times"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttle => f.write_str("throttled"),
            Self::Error { status, code } => write!(f, "answered with {status} {code}"),
            Self::Delay(delay) => write!(f, "answered {} ms late", delay.as_millis()),
            Self::NoAnswer => f.write_str("not answered"),
            Self::MalformedBody => f.write_str("answered with half a body"),
            Self::EmptyBody => f.write_str("answered with an empty body"),
            Self::WithoutMember(name) => write!(f, "answered without `{name}`"),
            Self::ShortPages(at_most) => write!(f, "answered in pages of {at_most} at most"),
            Self::EmptyPageWithToken => f.write_str("answered with an empty page and a token"),
            Self::RepeatToken => f.write_str("answered with the token that was sent"),
            Self::PartialList(missing) => write!(f, "answered with {missing} missing, silently"),
            Self::Stale(_) => f.write_str("answered with an old state"),
        }
    }
}

impl Rules {
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            troubles: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub(super) fn add(&mut self, rule: Rule, now: SystemTime) {
        self.troubles.push(Trouble {
            rule,
            from: now,
            to: None,
            struck: 0,
        });
    }

    pub(super) fn clear(&mut self, now: SystemTime) {
        for trouble in self.in_force() {
            trouble.to = Some(now);
        }
    }

    pub(super) fn so_far(&self) -> &[Trouble] {
        &self.troubles
    }

    fn in_force(&mut self) -> impl Iterator<Item = &mut Trouble> {
        let troubles = self.troubles.iter_mut();
        troubles.filter(|trouble| trouble.to.is_none())
    }

    pub(super) fn seed(&mut self, seed: u64) {
        self.random = StdRng::seed_from_u64(seed);
    }

    /// The effects on a request. Counts the request for every rule that applies.
    pub(super) fn strike(
        &mut self,
        action: Action,
        caller: Option<&Caller>,
        now: SystemTime,
    ) -> Effects {
        let mut effects = Effects::default();
        for trouble in &mut self.troubles {
            let rule = &trouble.rule;
            if trouble.to.is_some()
                || !rule.concerns(action, caller)
                || !self.random.random_bool(rule.probability)
            {
                continue;
            }
            effects.add(&rule.fault, &mut self.random);
            trouble.struck += 1;
            if rule.times.is_some_and(|times| times <= trouble.struck) {
                trouble.to = Some(now);
            }
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
            let now = SystemTime::UNIX_EPOCH;
            rules.add(Rule::from(Fault::Throttle).with_probability(0.3), now);
            (0..1000)
                .map(|_| rules.strike(Action::ListTasks, None, now))
                .map(|effects| effects.refusal.is_some())
                .collect()
        };
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
        let times = struck(1).iter().filter(|struck| **struck).count();
        assert!((250..350).contains(&times), "{times}");
    }

    #[test]
    fn what_was_wrong_stays_known_with_its_time() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut rules = Rules::seeded(1);
        rules.add(Fault::Throttle.on([Action::ListTasks]).next(2), at(1));
        rules.add(Fault::NoAnswer.into(), at(2));
        for second in 3..6 {
            let _struck = rules.strike(Action::ListTasks, None, at(second));
        }
        rules.clear(at(7));
        let after = rules.strike(Action::ListTasks, None, at(8));

        assert!(after.refusal.is_none() && !after.unanswered, "{after:?}");
        let told: Vec<_> = rules
            .so_far()
            .iter()
            .map(|one| (one.rule.to_string(), one.from, one.to, one.struck))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "ListTasks: throttled, 2 times".to_owned(),
                    at(1),
                    Some(at(4)),
                    2
                ),
                ("every call: not answered".to_owned(), at(2), Some(at(7)), 3),
            ]
        );
    }

    #[test]
    fn a_rule_says_for_whom_and_how_often() {
        let rule = Fault::Delay(Duration::from_millis(300))
            .on([Action::ListTasks, Action::DescribeTasks])
            .for_caller("orders-1")
            .with_probability(0.3);

        assert_eq!(
            rule.to_string(),
            "ListTasks, DescribeTasks: answered 300 ms late, 30 % of the calls"
        );
        assert_eq!(rule.callers(), ["orders-1"]);
    }
}
