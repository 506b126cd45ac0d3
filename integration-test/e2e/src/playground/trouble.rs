//! What AWS can do wrong, and the region's rules for it.

use std::{collections::BTreeSet, time::Duration};

use region::{Action, Fault, Rule, Snapshot};
use serde::{Deserialize, Serialize};

/// The calls that nodes make: those of a lookup, and the one for the desired count.
const CALLS: [Action; 3] = [
    Action::ListTasks,
    Action::DescribeTasks,
    Action::DescribeServices,
];

/// How long answers are delayed: a lookup of two calls, with credentials, still ends within its limit of 3 s.
const LAG: Duration = Duration::from_millis(500);

/// How many tasks each list lacks.
const MISSING: usize = 2;

/// One thing that AWS does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Half of all calls are refused with "rate exceeded".
    Throttle,
    /// Every answer comes late.
    Lag,
    /// Lists lack tasks, and nothing shows it.
    TooLittle,
    /// Lists stay as they were when this began.
    Stale,
    /// Every call fails.
    Outage,
    /// The nodes' role may not list tasks.
    DenyListTasks,
    /// It may not describe them.
    DenyDescribeTasks,
    /// It may not ask for the desired count.
    DenyDescribeServices,
}

impl Trouble {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Throttle,
        Self::Lag,
        Self::TooLittle,
        Self::Stale,
        Self::Outage,
        Self::DenyListTasks,
        Self::DenyDescribeTasks,
        Self::DenyDescribeServices,
    ];

    /// A few words for it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Throttle => "throttles",
            Self::Lag => "is slow",
            Self::TooLittle => "lists too little",
            Self::Stale => "lists old state",
            Self::Outage => "is down",
            Self::DenyListTasks => "denies ListTasks",
            Self::DenyDescribeTasks => "denies DescribeTasks",
            Self::DenyDescribeServices => "denies DescribeServices",
        }
    }

    /// What it is.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Throttle => "About every second call is refused: “Rate exceeded”.",
            Self::Lag => "Each answer comes half a second late.",
            Self::TooLittle => "Each list lacks two tasks, but looks complete.",
            Self::Stale => "Lists stay as they are now.",
            Self::Outage => "Every call fails with status 500.",
            Self::DenyListTasks => "The nodes’ role may not list tasks.",
            Self::DenyDescribeTasks => "The nodes’ role may not describe tasks (their addresses).",
            Self::DenyDescribeServices => "It may not ask for the desired count.",
        }
    }

    /// The IAM action that it removes from the nodes' role, if any.
    #[must_use]
    pub fn denied(self) -> Option<&'static str> {
        match self {
            Self::DenyListTasks => Some("ecs:ListTasks"),
            Self::DenyDescribeTasks => Some("ecs:DescribeTasks"),
            Self::DenyDescribeServices => Some("ecs:DescribeServices"),
            Self::Throttle | Self::Lag | Self::TooLittle | Self::Stale | Self::Outage => None,
        }
    }
}

/// The IAM actions that these remove from the nodes' role.
#[must_use]
pub fn denied(troubles: &BTreeSet<Trouble>) -> BTreeSet<String> {
    let denied = troubles.iter().filter_map(|trouble| trouble.denied());
    denied.map(str::to_owned).collect()
}

/// The region's rules for these; `then` is the content of stale lists.
#[must_use]
pub fn rules(troubles: &BTreeSet<Trouble>, then: Option<&Snapshot>) -> Vec<Rule> {
    let rules = troubles.iter().filter_map(|trouble| match trouble {
        Trouble::Throttle => Some(Fault::Throttle.on(CALLS).with_probability(0.5)),
        Trouble::Lag => Some(Fault::Delay(LAG).on(CALLS)),
        Trouble::TooLittle => Some(Fault::PartialList(MISSING).on([Action::ListTasks])),
        Trouble::Stale => then.map(|then| Fault::Stale(then.clone()).on([Action::ListTasks])),
        Trouble::Outage => Some(
            Fault::Error {
                status: 500,
                code: "ServerException",
            }
            .on(CALLS),
        ),
        Trouble::DenyListTasks | Trouble::DenyDescribeTasks | Trouble::DenyDescribeServices => None,
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_a_matter_of_the_role_and_all_else_of_rules() {
        for trouble in Trouble::ALL {
            let one = BTreeSet::from([trouble]);
            let is_rule = !rules(&one, None).is_empty();
            // Without an earlier state, nothing is stale.
            let expected = trouble.denied().is_none() && trouble != Trouble::Stale;
            assert_eq!(is_rule, expected, "{trouble:?}");
        }
        let both = BTreeSet::from([Trouble::DenyListTasks, Trouble::DenyDescribeServices]);
        let denied = denied(&both);
        assert!(denied.iter().eq(["ecs:DescribeServices", "ecs:ListTasks"]));
    }
}
