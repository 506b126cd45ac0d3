//! A stack as it is, and as it should be.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{self, Parameter, StackStatus};

use crate::step::Found;

/// Marks the stacks that are ours.
pub(super) const TAG: &str = "cluster-on-aws";

/// The name of our change sets.
pub(super) const CHANGE_SET: &str = "cluster-on-aws";

/// A stack as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The text of its template.
    pub template: String,
    /// Those that have no default, or another value.
    pub parameters: BTreeMap<String, String>,
}

/// A stack as it is.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// For example `UPDATE_COMPLETE`.
    pub status: StackStatus,
    /// By key.
    pub outputs: BTreeMap<String, String>,
    /// By key, defaults included.
    pub parameters: BTreeMap<String, String>,
    /// Its ARN, by which it is known when it is deleted, too.
    pub id: String,
    /// Whether this program has made it.
    pub is_ours: bool,
    /// The role that CloudFormation uses for it, where that was handed over.
    pub role_arn: Option<String>,
}

impl Stack {
    /// What the next step depends on.
    pub fn found(&self) -> Found<'_> {
        Found {
            status: &self.status,
            is_ours: self.is_ours,
        }
    }

    /// As CloudFormation describes it to who asked for `name`, which is a name or an id.
    pub(super) fn read(described: &types::Stack, name: &str) -> Self {
        let outputs = described.outputs().iter().filter_map(|output| {
            Some((
                output.output_key()?.to_owned(),
                output.output_value()?.to_owned(),
            ))
        });
        let parameters = described.parameters().iter().filter_map(|parameter| {
            Some((
                parameter.parameter_key()?.to_owned(),
                parameter.parameter_value()?.to_owned(),
            ))
        });
        let status = described.stack_status().cloned();
        let mut tags = described.tags().iter();
        Self {
            name: described.stack_name().unwrap_or(name).to_owned(),
            status: status.unwrap_or_else(|| "UNKNOWN".into()),
            outputs: outputs.collect(),
            parameters: parameters.collect(),
            id: described.stack_id().unwrap_or(name).to_owned(),
            is_ours: tags.any(|tag| tag.key() == Some(TAG)),
            role_arn: described.role_arn().map(str::to_owned),
        }
    }
}

impl Wanted {
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let parameter = |(key, value): (&String, &String)| {
            Parameter::builder()
                .parameter_key(key)
                .parameter_value(value)
                .build()
        };
        self.parameters.iter().map(parameter).collect()
    }
}
