//! Identity-based policies, evaluated as IAM does.
//!
//! Only what the policies of nodes need is supported, and everything else is refused when the policy is read: a
//! policy that is misread must not allow anything. The crate iam-rs 0.8.0 does not fit: it accepts no request on the
//! resource `*`, which is how AWS authorises `ecs:ListTasks`, and in its `ArnEquals` a `*` is an ordinary character.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::pattern::fits;

/// Statements, each of which allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statements(Vec<Statement>);

/// A statement that is not supported.
#[derive(Debug, thiserror::Error)]
#[error("reading the statement {statement}")]
pub struct Misread {
    /// The statement.
    pub statement: String,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    #[serde(rename = "Effect")]
    _effect: Effect,
    action: OneOrMore,
    resource: OneOrMore,
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, OneOrMore>>,
}

/// `Deny` is for permissions boundaries and organisations: roles of nodes have none.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Effect {
    Allow,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
enum Operator {
    ArnEquals,
    ArnLike,
    StringEquals,
    StringLike,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Statements {
    /// Reads them.
    pub fn read(statements: &[Value]) -> Result<Self, Misread> {
        let read = |statement: &Value| {
            Statement::deserialize(statement).map_err(|source| Misread {
                statement: statement.to_string(),
                source,
            })
        };
        Ok(Self(statements.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// Whether any of them allows this action on this resource.
    /// `context` has the condition keys that the service supplies.
    #[must_use]
    pub fn allow(
        &self,
        action: &str,
        resource: &str,
        context: &BTreeMap<&'static str, String>,
    ) -> bool {
        self.0.iter().any(|statement| {
            // Actions are not case-sensitive.
            let action = action.to_ascii_lowercase();
            let named = |pattern: &str| fits(&pattern.to_ascii_lowercase(), &action);
            statement.action.any(named)
                && statement.resource.any(|pattern| fits(pattern, resource))
                && statement.applies(context)
        })
    }
}

impl Statement {
    /// Whether all conditions hold. A condition on a key that the service does not supply does not hold.
    fn applies(&self, context: &BTreeMap<&'static str, String>) -> bool {
        self.condition.iter().all(|(operator, wanted)| {
            wanted.iter().all(|(key, values)| {
                let actual = context
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(key));
                actual
                    .is_some_and(|(_, actual)| values.any(|value| operator.compare(value, actual)))
            })
        })
    }
}

impl Operator {
    fn compare(self, pattern: &str, actual: &str) -> bool {
        match self {
            Self::StringEquals => pattern == actual,
            Self::StringLike => fits(pattern, actual),
            // Both are the same: each of the six parts may have wildcards.
            Self::ArnEquals | Self::ArnLike => arn_matches(pattern, actual),
        }
    }
}

impl OneOrMore {
    fn any(&self, holds: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(value) => holds(value),
            Self::More(values) => values.iter().any(|value| holds(value)),
        }
    }
}

fn arn_matches(pattern: &str, arn: &str) -> bool {
    let pattern: Vec<_> = pattern.splitn(6, ':').collect();
    let arn: Vec<_> = arn.splitn(6, ':').collect();
    let pairs = pattern.iter().zip(&arn);
    pattern.len() == 6 && arn.len() == 6 && { pairs }.all(|(pattern, part)| fits(pattern, part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/demo";
    const TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task/demo/0123";

    #[test]
    fn what_no_statement_names_is_denied() {
        let list = json!({"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*"});

        assert!(allows(&list, "ecs:ListTasks", "*"));
        assert!(allows(&list, "ECS:listTasks", "*"));
        assert!(!allows(&list, "ecs:DescribeTasks", TASK));
    }

    #[test]
    fn an_arn_does_not_cover_a_call_on_everything() {
        let trap = "arn:aws:ecs:eu-west-1:123456789012:container-instance/demo/*";
        let list = json!({"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": trap});

        assert!(!allows(&list, "ecs:ListTasks", "*"));
    }

    #[test]
    fn wildcards_of_a_resource_stay_within_what_is_written() {
        let describe = |resource: &str| json!({"Effect": "Allow", "Action": ["ecs:DescribeTasks"], "Resource": [resource]});
        let of = |task| format!("arn:aws:ecs:eu-west-1:123456789012:task/{task}");

        for wide in [of("demo/*"), of("demo/012?"), of("*")] {
            assert!(
                allows(&describe(&wide), "ecs:DescribeTasks", TASK),
                "{wide}"
            );
        }
        for narrow in [of("other/*"), of("demo/012"), of("demo/?")] {
            assert!(
                !allows(&describe(&narrow), "ecs:DescribeTasks", TASK),
                "{narrow}"
            );
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let on = |condition: Value| json!({"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*", "Condition": condition});
        let holds = |condition| allows(&on(condition), "ecs:ListTasks", "*");

        assert!(holds(json!({"ArnEquals": {"ecs:cluster": CLUSTER}})));
        assert!(holds(
            json!({"ArnEquals": {"ECS:Cluster": [CLUSTER, "arn:aws:ecs:::cluster/b"]}})
        ));
        assert!(holds(
            json!({"ArnEquals": {"ecs:cluster": "arn:aws:ecs:*:*:cluster/demo"}})
        ));
        assert!(!holds(json!({"ArnEquals": {"ecs:cluster": "*"}})), "no ARN");
        assert!(!holds(
            json!({"StringEquals": {"ecs:cluster": "arn:aws:ecs:*:*:cluster/demo"}})
        ));
        assert!(holds(
            json!({"StringLike": {"ecs:cluster": "*cluster/demo"}})
        ));
        assert!(
            !holds(json!({"StringEquals": {"ecs:service": "orders"}})),
            "not supplied"
        );
        assert!(!holds(json!({
            "ArnEquals": {"ecs:cluster": CLUSTER},
            "StringEquals": {"aws:RequestedRegion": "us-east-1"},
        })));
    }

    #[test]
    fn what_is_not_understood_allows_nothing() {
        for statement in [
            json!({"Effect": "Deny", "Action": "ecs:ListTasks", "Resource": "*"}),
            json!({"Effect": "Allow", "NotAction": "ecs:ListTasks", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "ecs:ListTasks"}),
            json!({"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*", "Condition": {"Null": {"ecs:cluster": "true"}}}),
        ] {
            assert!(
                Statements::read(std::slice::from_ref(&statement)).is_err(),
                "{statement}"
            );
        }
    }

    fn allows(statement: &Value, action: &str, resource: &str) -> bool {
        let context = BTreeMap::from([
            ("aws:RequestedRegion", "eu-west-1".to_owned()),
            ("ecs:cluster", CLUSTER.to_owned()),
        ]);
        Statements::read(std::slice::from_ref(statement))
            .unwrap()
            .allow(action, resource, &context)
    }
}
