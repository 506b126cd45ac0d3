//! What the rules share: findings, and ways to walk a template.

use std::{collections::BTreeMap, time::Duration};

use deploy::templates::Template;
use serde_json::Value;

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// The templates that run nodes.
pub(crate) const RUNNING: [&str; 3] = [
    "ecs-service.yaml",
    "ecs-task-set.yaml",
    "ec2-auto-scaling-group.yaml",
];

/// A rule gives what breaks it.
pub(crate) type Rule = fn(&Template) -> Vec<String>;

/// The good templates keep the rule.
#[track_caller]
pub(crate) fn all_keep(rule: Rule) {
    let findings: Vec<_> = Template::all()
        .unwrap()
        .iter()
        .flat_map(|template| {
            let name = template.name.clone();
            rule(template)
                .into_iter()
                .map(move |finding| format!("{name}: {finding}"))
        })
        .collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

/// A template that keeps the rule breaks it once `value` stands at `place`.
#[track_caller]
pub(crate) fn breaks(rule: Rule, template: &str, place: &str, value: Value) {
    let template = Template::read(template).unwrap();
    assert_eq!(rule(&template), Vec::<String>::new());
    let broken = rule(&template.with(place, value));
    assert!(!broken.is_empty(), "nobody notices {place}");
}

/// All that can stand in the place of a value: both branches of each condition, each item of a list.
pub(crate) fn choices(value: &Value) -> Vec<&Value> {
    if is_nothing(value) {
        return Vec::new();
    }
    if let Some(Value::Array(parts)) = value.get("Fn::If") {
        return parts[1..].iter().flat_map(choices).collect();
    }
    match value {
        Value::Array(items) => items.iter().flat_map(choices).collect(),
        _ => vec![value],
    }
}

/// Every text in a value, with the name of the function around it, if any.
pub(crate) fn texts(value: &Value) -> Vec<(Option<&str>, &str)> {
    fn walk<'a>(
        around: Option<&'a str>,
        value: &'a Value,
        found: &mut Vec<(Option<&'a str>, &'a str)>,
    ) {
        match value {
            Value::String(text) => found.push((around, text)),
            Value::Array(items) => items.iter().for_each(|item| walk(around, item, found)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    walk(Some(name.as_str()), field, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(None, value, &mut found);
    found
}

/// What the roles of nodes, and of ECS on their behalf, may do, with the statements that say so.
pub(crate) fn granted_to_nodes() -> BTreeMap<String, Vec<Value>> {
    let mut granted: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for name in RUNNING {
        let template = Template::read(name).unwrap();
        for role in template.of_kind("AWS::IAM::Role") {
            for policy in choices(&role.properties["Policies"]) {
                for statement in choices(&policy["PolicyDocument"]["Statement"]) {
                    for action in choices(&statement["Action"]) {
                        let action = action.as_str().unwrap().to_owned();
                        granted.entry(action).or_default().push(statement.clone());
                    }
                }
            }
        }
    }
    granted
}

/// Absent, or `AWS::NoValue`.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value["Ref"] == "AWS::NoValue"
}
