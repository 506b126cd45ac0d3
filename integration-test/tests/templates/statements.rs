//! The statements of all policies in a template, whoever they are for.

use std::collections::BTreeMap;

use deploy::templates::Template;
use serde_json::Value;

use crate::support::choices;

/// A statement of a policy, and where it stands.
pub(crate) struct Statement<'a> {
    pub(crate) at: &'a str,
    pub(crate) what: Policy,
    pub(crate) statement: &'a Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// What a role may do.
    Identity,
    /// Who may take a role.
    Trust,
    /// What goes through a VPC endpoint.
    Endpoint,
    /// Who may use a key.
    Key,
}

pub(crate) fn statements(template: &Template) -> Vec<Statement<'_>> {
    let documents = template.resources().flat_map(|resource| {
        let properties = resource.properties;
        let own = match resource.kind {
            "AWS::IAM::Role" => {
                let policies = choices(&properties["Policies"]).into_iter();
                let policies = policies.map(|policy| (Policy::Identity, &policy["PolicyDocument"]));
                let trust = (Policy::Trust, &properties["AssumeRolePolicyDocument"]);
                policies.chain([trust]).collect()
            }
            "AWS::IAM::ManagedPolicy" | "AWS::IAM::Policy" => {
                vec![(Policy::Identity, &properties["PolicyDocument"])]
            }
            "AWS::EC2::VPCEndpoint" => vec![(Policy::Endpoint, &properties["PolicyDocument"])],
            "AWS::KMS::Key" => vec![(Policy::Key, &properties["KeyPolicy"])],
            _ => Vec::new(),
        };
        own.into_iter()
            .map(move |(what, document)| (resource.id, what, document))
    });
    documents
        .flat_map(|(at, what, document)| {
            let statements = choices(&document["Statement"]).into_iter();
            statements.map(move |statement| Statement {
                at,
                what,
                statement,
            })
        })
        .collect()
}

impl<'a> Statement<'a> {
    pub(crate) fn actions(&self) -> Vec<&'a str> {
        choices(&self.statement["Action"])
            .into_iter()
            .filter_map(Value::as_str)
            .collect()
    }

    pub(crate) fn on_everything(&self) -> bool {
        choices(&self.statement["Resource"])
            .iter()
            .any(|resource| *resource == "*")
    }

    /// The condition keys, whatever the operator, with what they must be.
    pub(crate) fn conditions(&self) -> BTreeMap<&'a str, &'a Value> {
        // Those that hold where the key is missing confine nothing.
        self.conditions_by(&["ArnEquals", "ArnLike", "StringEquals", "StringLike"])
    }

    /// The condition keys that must be so where they are there at all.
    pub(crate) fn conditions_if_they_exist(&self) -> BTreeMap<&'a str, &'a Value> {
        self.conditions_by(&["ArnLikeIfExists", "StringEqualsIfExists"])
    }

    fn conditions_by(&self, these: &[&str]) -> BTreeMap<&'a str, &'a Value> {
        let operators = self.statement["Condition"].as_object();
        let keys = operators.into_iter().flatten();
        let keys = keys.filter(|(operator, _)| these.contains(&operator.as_str()));
        let keys = keys.filter_map(|(_, keys)| keys.as_object()).flatten();
        keys.map(|(key, value)| (key.as_str(), value)).collect()
    }

    pub(crate) fn named(&self) -> String {
        let sid = self.statement["Sid"]
            .as_str()
            .unwrap_or("a statement without a name");
        format!("{}, {sid}", self.at)
    }
}
