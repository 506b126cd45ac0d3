//! Which calls to AWS were made, and which of them are allowed.

use std::{borrow::Cow, collections::BTreeMap};

use discovery::{Chain, Error, Outcome, config::MethodName};

/// A call to AWS that a node makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// As IAM spells it: `ecs:ListTasks`.
    pub action: &'static str,
    /// Whether a node works without it, though less well.
    pub optional: bool,
    /// Its result.
    pub result: CallResult,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// It is allowed, and was answered.
    Allowed,
    /// A permission is missing.
    Denied {
        /// On which resource, if AWS says so.
        resource: Option<String>,
        /// Who lacks it, if AWS says so: the ARN of the caller.
        caller: Option<String>,
    },
    /// It was neither allowed nor denied, for this reason.
    Failed(String),
    /// It was not made, for this reason.
    NotMade(Cow<'static, str>),
}

/// The first call of a node whose settings name a role.
pub const ASSUME_ROLE: &str = "sts:AssumeRole";

/// The actions that a node of this method uses, and whether each is optional.
#[must_use]
pub fn actions(method: MethodName, assumes_role: bool) -> Vec<(&'static str, bool)> {
    let first = assumes_role.then_some((ASSUME_ROLE, false));
    let of_method = of_method(method).iter().copied();
    first.into_iter().chain(of_method).collect()
}

fn of_method(method: MethodName) -> &'static [(&'static str, bool)] {
    match method {
        MethodName::Ec2TagBased => &[
            ("ec2:DescribeInstances", false),
            ("autoscaling:DescribeAutoScalingGroups", true),
        ],
        MethodName::Ecs | MethodName::EcsTaskSet => &[
            ("ecs:ListTasks", false),
            ("ecs:DescribeTasks", false),
            ("ecs:DescribeServices", true),
        ],
        MethodName::Config => &[],
    }
}

/// The action that gives a node of this method the number of expected nodes; empty if there is none.
#[must_use]
pub fn of_expected_nodes(method: MethodName) -> &'static str {
    let optional = of_method(method).iter().find(|(_, optional)| *optional);
    optional.map_or("", |(action, _)| action)
}

/// Why actions were not used.
pub type NotMade = BTreeMap<&'static str, Cow<'static, str>>;

/// The result of each call: from the counts of calls, the errors that they ended with, and why others were not made.
#[must_use]
pub fn results(
    method: MethodName,
    assumes_role: bool,
    counts: &BTreeMap<(&'static str, Outcome), u64>,
    errors: &[&Error],
    not_made: &NotMade,
) -> Vec<Call> {
    let result = |action: &'static str| {
        let name = action.split_once(':').map_or(action, |(_, name)| name);
        let outcomes = counts.keys().filter(|(counted, _)| *counted == name);
        let outcomes: Vec<Outcome> = outcomes.map(|(_, outcome)| *outcome).collect();
        let denial = errors.iter().find_map(|error| denial(error, action));
        let not_assumed = errors.iter().find(|it| attempted(it) == Some(ASSUME_ROLE));
        if let Some(denied) = denial {
            denied
        } else if action == ASSUME_ROLE {
            // The SDK makes this call, so it is not counted; any other call shows that it was answered.
            match not_assumed {
                Some(error) => CallResult::Failed(Chain(*error).to_string()),
                None if counts.is_empty() => {
                    let why = not_made.get(action).cloned();
                    CallResult::NotMade(why.unwrap_or(Cow::Borrowed("no other call was made")))
                }
                None => CallResult::Allowed,
            }
        } else if not_assumed.is_some() {
            CallResult::NotMade(Cow::Borrowed("the role was not assumed"))
        } else if outcomes.contains(&Outcome::Denied) {
            CallResult::Denied {
                resource: None,
                caller: None,
            }
        } else if outcomes.contains(&Outcome::Answered) {
            CallResult::Allowed
        } else if outcomes.is_empty() {
            let why = not_made.get(action).cloned();
            CallResult::NotMade(why.unwrap_or(Cow::Borrowed("a call before it failed")))
        } else {
            let error = errors.iter().find(|error| attempted(error) == Some(action));
            let why = error.map(|error| Chain(*error).to_string());
            CallResult::Failed(why.unwrap_or_else(|| outcomes[0].to_string()))
        }
    };
    actions(method, assumes_role)
        .into_iter()
        .map(|(action, optional)| Call {
            action,
            optional,
            result: result(action),
        })
        .collect()
}

/// The caller of AWS: AWS names it when it denies something.
#[must_use]
pub fn caller(calls: &[Call]) -> Option<&str> {
    calls.iter().find_map(|call| match &call.result {
        CallResult::Denied { caller, .. } => caller.as_deref(),
        CallResult::Allowed | CallResult::Failed(_) | CallResult::NotMade(_) => None,
    })
}

fn denial(error: &Error, wanted: &str) -> Option<CallResult> {
    match error {
        Error::AccessDenied {
            action,
            resource,
            source,
            ..
        } if action == wanted => Some(CallResult::Denied {
            resource: resource.clone(),
            caller: named(&source.to_string()),
        }),
        _ => None,
    }
}

/// AWS names the caller when it denies something: `User: arn:aws:sts::… is not authorized to perform: …`.
fn named(words: &str) -> Option<String> {
    let (_, after) = words.split_once("User: ")?;
    let caller = after.split_whitespace().next()?;
    caller.starts_with("arn:").then(|| caller.to_owned())
}

fn attempted(error: &Error) -> Option<&'static str> {
    match error {
        Error::Throttled { attempt, .. }
        | Error::Unreachable { attempt, .. }
        | Error::TimedOut { attempt, .. }
        | Error::ServerFault { attempt, .. }
        | Error::Undecodable { attempt, .. }
        | Error::TooLarge { attempt, .. }
        | Error::RepeatedPage { attempt }
        | Error::CredentialsUnavailable { attempt, .. }
        | Error::AccessDenied { attempt, .. }
        | Error::NoCredentials { attempt, .. }
        | Error::CredentialsRejected { attempt, .. }
        | Error::Unbuildable { attempt, .. }
        | Error::NoSuchCluster { attempt, .. }
        | Error::NoSuchService { attempt, .. }
        | Error::Rejected { attempt, .. } => Some(attempt.action),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use discovery::Attempt;

    use super::*;

    fn attempt(action: &'static str) -> Attempt {
        Attempt::new(action, "asking")
    }

    #[test]
    fn each_action_is_allowed_denied_failed_or_not_made() {
        let denied = Error::AccessDenied {
            attempt: attempt("ecs:DescribeTasks"),
            action: "ecs:DescribeTasks".to_owned(),
            resource: Some("arn:aws:ecs:eu-west-1:1:task/demo/*".to_owned()),
            source: "AccessDeniedException: User: arn:aws:sts::1:assumed-role/node/x is not \
                     authorized to perform: ecs:DescribeTasks"
                .into(),
        };
        let counts = BTreeMap::from([
            (("ListTasks", Outcome::Answered), 2),
            (("DescribeTasks", Outcome::Denied), 1),
        ]);
        let not_made = BTreeMap::from([("ecs:DescribeServices", "not needed".into())]);
        let calls = results(MethodName::Ecs, false, &counts, &[&denied], &not_made);
        let seen: Vec<_> = calls.into_iter().map(|call| call.result).collect();
        let expected = [
            CallResult::Allowed,
            CallResult::Denied {
                resource: Some("arn:aws:ecs:eu-west-1:1:task/demo/*".to_owned()),
                caller: Some("arn:aws:sts::1:assumed-role/node/x".to_owned()),
            },
            CallResult::NotMade("not needed".into()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn where_the_role_is_not_assumed_no_other_call_is_made() {
        let denied = Error::AccessDenied {
            attempt: attempt(ASSUME_ROLE),
            action: ASSUME_ROLE.to_owned(),
            resource: None,
            source: "AccessDenied".into(),
        };
        let counts = BTreeMap::from([(("ListTasks", Outcome::Failed), 1)]);
        let none = NotMade::new();
        let results = |errors: &[&Error]| {
            let calls = results(MethodName::Ecs, true, &counts, errors, &none);
            calls
                .into_iter()
                .map(|call| call.result)
                .take(2)
                .collect::<Vec<_>>()
        };
        let not_made = CallResult::NotMade("the role was not assumed".into());
        let missing = CallResult::Denied {
            resource: None,
            caller: None,
        };
        assert_eq!(results(&[&denied]), [missing, not_made]);
        assert_eq!(results(&[])[0], CallResult::Allowed);
    }

    #[test]
    fn a_call_that_fails_otherwise_says_why() {
        let throttled = Error::Throttled {
            attempt: attempt("ec2:DescribeInstances"),
            source: "RequestLimitExceeded".into(),
        };
        let counts = BTreeMap::from([(("DescribeInstances", Outcome::Throttled), 1)]);
        let method = MethodName::Ec2TagBased;
        let calls = results(method, false, &counts, &[&throttled], &BTreeMap::new());
        let why = "asking: throttled: RequestLimitExceeded".to_owned();
        assert_eq!(calls[0].result, CallResult::Failed(why));
    }
}
