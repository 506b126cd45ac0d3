//! YAML with CloudFormation's short tags, as JSON in the long form.

use serde_json::{Map, Number, Value, json};
use serde_yaml_ng as yaml;

/// Text that is no template.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not YAML.
    #[error("it is not YAML")]
    Yaml(#[from] yaml::Error),
    /// It is YAML that JSON cannot express.
    #[error("{0} has no place in a template")]
    Unexpected(String),
}

/// `!Sub "…"` becomes `{"Fn::Sub": "…"}`, and so on.
pub(super) fn long_form(text: &str) -> Result<Value, Unreadable> {
    value(yaml::from_str(text)?)
}

fn value(yaml: yaml::Value) -> Result<Value, Unreadable> {
    Ok(match yaml {
        yaml::Value::Null => Value::Null,
        yaml::Value::Bool(bool) => bool.into(),
        yaml::Value::Number(n) => number(&n)?,
        yaml::Value::String(text) => text.into(),
        yaml::Value::Sequence(items) => items
            .into_iter()
            .map(value)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        yaml::Value::Mapping(fields) => object(fields)?,
        yaml::Value::Tagged(tagged) => tagged_value(*tagged)?,
    })
}

fn number(n: &yaml::Number) -> Result<Value, Unreadable> {
    let float = || n.as_f64().and_then(Number::from_f64);
    n.as_i64()
        .map(Number::from)
        .or_else(float)
        .map(Value::Number)
        .ok_or_else(|| Unreadable::Unexpected(format!("the number {n}")))
}

fn object(fields: yaml::Mapping) -> Result<Value, Unreadable> {
    let mut object = Map::new();
    for (key, field) in fields {
        let key = match key {
            yaml::Value::String(key) => key,
            other => return Err(Unreadable::Unexpected(format!("the key {other:?}"))),
        };
        object.insert(key, value(field)?);
    }
    Ok(object.into())
}

fn tagged_value(tagged: yaml::value::TaggedValue) -> Result<Value, Unreadable> {
    let tag = tagged.tag.to_string();
    let tag = tag.trim_start_matches('!');
    let inner = value(tagged.value)?;
    Ok(match (tag, &inner) {
        ("Ref" | "Condition", _) => json!({ tag: inner }),
        // The short form joins with a dot what the long form lists.
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
            None => return Err(Unreadable::Unexpected(format!("!GetAtt {path}"))),
        },
        _ => json!({ format!("Fn::{tag}"): inner }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_become_functions() {
        let long = long_form(
            r#"
            A: !Ref X
            B: !GetAtt X.Endpoint.Port
            C: !If [Yes, !Sub "${X}/*", !Ref "AWS::NoValue"]
            D: [1, true, 0.5, "2012-10-17"]
            "#,
        );

        assert_eq!(
            long.unwrap(),
            json!({
                "A": {"Ref": "X"},
                "B": {"Fn::GetAtt": ["X", "Endpoint.Port"]},
                "C": {"Fn::If": ["Yes", {"Fn::Sub": "${X}/*"}, {"Ref": "AWS::NoValue"}]},
                "D": [1, true, 0.5, "2012-10-17"],
            })
        );
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        for text in ["1: a", "A: !GetAtt X", "A: [", "A: .nan"] {
            assert!(long_form(text).is_err(), "{text}");
        }
    }
}
