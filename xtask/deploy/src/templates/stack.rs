//! The result of a template with given parameters: intrinsic functions are resolved.

use std::collections::BTreeMap;

use serde_json::Value;

use super::template::Template;

/// A template, its parameters, and the names of its resources.
#[derive(Debug)]
pub struct Stack<'a> {
    template: &'a Template,
    /// Parameters, pseudo parameters, and resources: what `Ref` gives.
    refs: BTreeMap<String, Value>,
    /// By resource and attribute: what `Fn::GetAtt` gives.
    attributes: BTreeMap<(String, String), String>,
    /// Whether values that only AWS knows are represented by their names in the template.
    names_stand_in: bool,
}

/// Something has no value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// A parameter that was not given, or a resource whose name is not known.
    #[error("`{0}` refers to nothing that is known")]
    Reference(String),
    /// A resource's attribute that is not known.
    #[error("`{0}.{1}` is not known")]
    Attribute(String, String),
    /// There is no such condition.
    #[error("there is no condition `{0}`")]
    Condition(String),
    /// A function that these templates do not use, or not in this way.
    #[error("{0} is not understood")]
    Function(String),
    /// The template has nothing there.
    #[error("there is no {0}")]
    Place(String),
}

impl<'a> Stack<'a> {
    /// A stack in this region of this account, with the default parameters.
    #[must_use]
    pub fn of(template: &'a Template, region: &str, account: &str) -> Self {
        let mut refs: BTreeMap<_, _> = template
            .section("Parameters")
            .filter_map(|(name, parameter)| Some((name.to_owned(), parameter.get("Default")?)))
            .map(|(name, default)| (name, default.clone()))
            .collect();
        let (partition, suffix) = partition(region);
        for (name, value) in [
            ("AWS::AccountId", account),
            ("AWS::Partition", partition),
            ("AWS::Region", region),
            ("AWS::StackName", "demo-node-stack"),
            ("AWS::URLSuffix", suffix),
        ] {
            refs.insert(name.to_owned(), value.into());
        }
        Self {
            template,
            refs,
            attributes: BTreeMap::new(),
            names_stand_in: false,
        }
    }

    /// With the name of each resource in place of what AWS would call it, and likewise its attributes.
    #[must_use]
    pub fn with_names_standing_in(mut self) -> Self {
        self.names_stand_in = true;
        self
    }

    /// The properties of every resource that there is with these parameters, by its name.
    pub fn resources(&self) -> Result<BTreeMap<&'a str, Value>, Unresolved> {
        let mut resources = BTreeMap::new();
        for (id, resource) in self.template.section("Resources") {
            let wanted = match &resource["Condition"] {
                Value::String(condition) => self.holds(condition)?,
                _ => true,
            };
            if wanted {
                resources.insert(id, self.resolve(&resource["Properties"])?);
            }
        }
        Ok(resources)
    }

    /// With this value for a parameter, or this physical name for a resource.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.refs.insert(name.to_owned(), value.into());
        self
    }

    /// With this attribute of a resource.
    #[must_use]
    pub fn with_attribute(mut self, resource: &str, attribute: &str, value: &str) -> Self {
        let key = (resource.to_owned(), attribute.to_owned());
        self.attributes.insert(key, value.to_owned());
        self
    }

    /// The statements of one of a role's own policies, in order.
    pub fn policy(&self, role: &str, name: &str) -> Result<Vec<Value>, Unresolved> {
        let place = format!("/Resources/{role}/Properties/Policies");
        let policies = self.template.document().pointer(&place).map(list);
        let mut policies = policies.into_iter().flatten();
        let policy = policies.find(|policy| policy["PolicyName"] == name);
        let policy = policy.ok_or_else(|| Unresolved::Place(format!("{name} in {place}")))?;
        let statements = self.resolve(&policy["PolicyDocument"]["Statement"])?;
        Ok(list(&statements).to_vec())
    }

    /// A value without functions. What a condition leaves out becomes null, and is removed from lists and objects.
    pub fn resolve(&self, value: &Value) -> Result<Value, Unresolved> {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.resolve(item));
                let mut items = items.collect::<Result<Vec<_>, _>>()?;
                items.retain(|item| !item.is_null());
                Ok(items.into())
            }
            Value::Object(fields) => match single(fields) {
                Some((name, argument))
                    if ["Ref", "Condition"].contains(&name) || name.starts_with("Fn::") =>
                {
                    self.call(name, argument)
                }
                Some(_) | None => {
                    let mut object = serde_json::Map::new();
                    for (name, field) in fields {
                        let field = self.resolve(field)?;
                        if !field.is_null() {
                            object.insert(name.clone(), field);
                        }
                    }
                    Ok(object.into())
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, Unresolved> {
        let not_understood = || Unresolved::Function(format!("{name} {argument}"));
        match (name, argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(resource), Value::String(attribute)] => {
                    Ok(self.attribute(resource, attribute)?.into())
                }
                _ => Err(not_understood()),
            },
            ("Fn::Sub", Value::String(text)) => Ok(self.substitute(text)?.into()),
            ("Fn::Base64", inner) => self.resolve(inner),
            ("Condition", Value::String(condition)) => Ok(self.holds(condition)?.into()),
            ("Fn::And" | "Fn::Or", Value::Array(parts)) => {
                let parts = parts.iter().map(|part| self.resolve(part));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                let all = name == "Fn::And";
                let holds = |part: &Value| part.as_bool().ok_or_else(not_understood);
                let parts = parts.iter().map(holds).collect::<Result<Vec<_>, _>>()?;
                let settled = if all {
                    parts.iter().all(|it| *it)
                } else {
                    parts.contains(&true)
                };
                Ok(settled.into())
            }
            ("Fn::Join", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(separator), items] => {
                    let items = self.resolve(items)?;
                    let texts = list(&items).iter().map(as_text);
                    Ok(texts.collect::<Vec<_>>().join(separator).into())
                }
                _ => Err(not_understood()),
            },
            ("Fn::Select", Value::Array(parts)) => match parts.as_slice() {
                [Value::Number(at), items] => {
                    let items = self.resolve(items)?;
                    let at = usize::try_from(at.as_u64().ok_or_else(not_understood)?);
                    let item = at.ok().and_then(|at| list(&items).get(at).cloned());
                    item.ok_or_else(not_understood)
                }
                _ => Err(not_understood()),
            },
            ("Fn::GetAZs", _) => {
                let region = as_text(&self.reference("AWS::Region")?);
                let zones = ["a", "b", "c"].map(|zone| format!("{region}{zone}"));
                Ok(zones.to_vec().into())
            }
            // As many names as there are to be blocks.
            ("Fn::Cidr", Value::Array(parts)) => match parts.as_slice() {
                [block, Value::Number(count), _] => {
                    let block = as_text(&self.resolve(block)?);
                    let count = count.as_u64().ok_or_else(not_understood)?;
                    let blocks = (0..count).map(|n| format!("{block}#{n}"));
                    Ok(blocks.collect::<Vec<_>>().into())
                }
                _ => Err(not_understood()),
            },
            ("Fn::If", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(condition), yes, no] => {
                    let chosen = if self.holds(condition)? { yes } else { no };
                    self.resolve(chosen)
                }
                _ => Err(not_understood()),
            },
            ("Fn::Equals", Value::Array(sides)) => match sides.as_slice() {
                // Numbers are text to CloudFormation, too.
                [one, other] => {
                    let sides = [self.resolve(one)?, self.resolve(other)?];
                    let [one, other] = sides.each_ref().map(as_text);
                    Ok((one == other).into())
                }
                _ => Err(not_understood()),
            },
            ("Fn::Not", Value::Array(negated)) => match negated.as_slice() {
                [negated] => match self.resolve(negated)? {
                    Value::Bool(holds) => Ok((!holds).into()),
                    _ => Err(not_understood()),
                },
                _ => Err(not_understood()),
            },
            _ => Err(not_understood()),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, Unresolved> {
        if name == "AWS::NoValue" {
            return Ok(Value::Null);
        }
        if let Some(known) = self.refs.get(name) {
            return Ok(known.clone());
        }
        if self.names_stand_in && self.has(name) {
            return Ok(name.into());
        }
        Err(Unresolved::Reference(name.to_owned()))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<String, Unresolved> {
        let key = (resource.to_owned(), attribute.to_owned());
        if let Some(known) = self.attributes.get(&key) {
            return Ok(known.clone());
        }
        if self.names_stand_in && self.has(resource) {
            return Ok(format!("{resource}.{attribute}"));
        }
        Err(Unresolved::Attribute(key.0, key.1))
    }

    fn has(&self, resource: &str) -> bool {
        self.template.resources().any(|there| there.id == resource)
    }

    fn holds(&self, condition: &str) -> Result<bool, Unresolved> {
        let place = format!("/Conditions/{condition}");
        let written = self.template.document().pointer(&place);
        let unknown = || Unresolved::Condition(condition.to_owned());
        let value = self.resolve(written.ok_or_else(unknown)?)?;
        value.as_bool().ok_or_else(unknown)
    }

    /// Replaces each `${Name}` and `${Resource.Attribute}`.
    fn substitute(&self, text: &str) -> Result<String, Unresolved> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part
                .split_once('}')
                .ok_or_else(|| Unresolved::Function(format!("Fn::Sub {text}")))?;
            let value = match name.split_once('.') {
                Some((resource, attribute)) => self.attribute(resource, attribute)?,
                None => as_text(&self.reference(name)?),
            };
            result.push_str(&value);
            result.push_str(rest);
        }
        Ok(result)
    }
}

/// The partition that a region is in, and how the names of its services end.
fn partition(region: &str) -> (&'static str, &'static str) {
    match region {
        _ if region.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
        _ if region.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
        _ => ("aws", "amazonaws.com"),
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One or several, as policies have it.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn single(fields: &serde_json::Map<String, Value>) -> Option<(&str, &Value)> {
    let mut fields = fields.iter();
    let (name, value) = fields.next()?;
    fields.next().is_none().then_some((name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEMPLATE: &str = r#"
        Parameters:
          Name: {Type: String, Default: orders}
          Bucket: {Type: String}
        Conditions:
          Called: !Not [!Equals [!Ref Name, ""]]
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: find-peers
                  PolicyDocument:
                    Statement:
                      - {Sid: One, Resource: !Sub "arn:${AWS::Partition}:s3:::${Bucket}/${Name}/${Cluster.Arn}"}
                      - !If [Called, {Sid: Two, Resource: !GetAtt Cluster.Arn}, !Ref "AWS::NoValue"]
    "#;

    #[test]
    fn a_policy_names_what_the_stack_has() {
        let template = Template::parse("a", TEMPLATE).unwrap();
        let stack = Stack::of(&template, "eu-west-1", "123456789012")
            .with("Bucket", "programs")
            .with_attribute("Cluster", "Arn", "cluster-arn");

        assert_eq!(
            stack.policy("Role", "find-peers").unwrap(),
            [
                json!({"Sid": "One", "Resource": "arn:aws:s3:::programs/orders/cluster-arn"}),
                json!({"Sid": "Two", "Resource": "cluster-arn"}),
            ]
        );
    }

    #[test]
    fn what_a_condition_leaves_out_is_not_there() {
        let template = Template::parse("a", TEMPLATE).unwrap();
        let stack = Stack::of(&template, "eu-west-1", "123456789012")
            .with("Bucket", "programs")
            .with("Name", "")
            .with_attribute("Cluster", "Arn", "cluster-arn");

        assert_eq!(stack.policy("Role", "find-peers").unwrap().len(), 1);
    }

    #[test]
    fn nothing_is_guessed() {
        let template = Template::parse("a", TEMPLATE).unwrap();
        let stack = Stack::of(&template, "eu-west-1", "123456789012");

        let missing = stack.policy("Role", "find-peers").unwrap_err();
        assert_eq!(missing, Unresolved::Reference("Bucket".to_owned()));
        let missing = stack
            .with("Bucket", "programs")
            .policy("Role", "find-peers");
        let attribute = Unresolved::Attribute("Cluster".to_owned(), "Arn".to_owned());
        assert_eq!(missing.unwrap_err(), attribute);
    }
}
