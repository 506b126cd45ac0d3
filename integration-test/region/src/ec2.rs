//! Amazon EC2: the Query protocol, one operation.
//!
//! Forms come in, XML goes out.
//! Where AWS's behaviour for unusual input is not known, the input is refused.

mod filter;
mod refusal;
#[cfg(test)]
mod tests;
mod xml;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};

use self::filter::Filter;
use self::refusal::{invalid_value, unknown_parameter};
use super::access::{Access, authorise};
use super::account::Account;
use super::account::identity::Caller;
use super::account::instance::{Instance, InstanceId};
use super::calls::Action;
use super::faults::PagingFaults;
use super::paging::Pager;
use super::reply::ApiError;

/// The only version of the API in use.
const VERSION: &str = "2016-11-15";

/// Pages of a list of instances.
const MAX_RESULTS: RangeInclusive<usize> = 5..=1000;

/// The fields of a form.
pub(super) type Form = BTreeMap<String, String>;

/// The fields of a form, by name.
pub(super) fn form(body: &[u8]) -> Form {
    form_urlencoded::parse(body).into_owned().collect()
}

/// The operation that a form asks for.
pub(super) fn action(form: &Form) -> Action {
    match form.get("Action").map(String::as_str) {
        Some("DescribeInstances") => Action::DescribeInstances,
        Some(_) | None => Action::Unknown,
    }
}

/// Answers one operation.
pub(super) fn answer(
    account: &Account,
    caller: &Caller,
    action: Action,
    form: &Form,
    faults: &PagingFaults,
) -> Result<String, ApiError> {
    match action {
        Action::DescribeInstances => describe_instances(account, caller, form, faults),
        Action::ListTasks
        | Action::DescribeTasks
        | Action::DescribeServices
        | Action::DescribeAutoScalingGroups
        | Action::AssumeRole
        | Action::TaskMetadata
        | Action::TaskCredentials
        | Action::InstanceToken
        | Action::InstanceMetadata
        | Action::Unknown => {
            let name = form.get("Action").map_or("", String::as_str);
            let message = format!("The action {name} is not valid for this web service.");
            Err(ApiError::new(400, "InvalidAction", message))
        }
    }
}

/// A parsed DescribeInstances.
#[derive(Debug, Default)]
struct Input<'a> {
    filters: Vec<Filter<'a>>,
    instance_ids: Vec<&'a str>,
    max_results: Option<&'a str>,
    next_token: Option<&'a str>,
    dry_run: bool,
}

fn describe_instances(
    account: &Account,
    caller: &Caller,
    form: &Form,
    faults: &PagingFaults,
) -> Result<String, ApiError> {
    permit(account, caller)?;
    let input = Input::parse(form)?;
    let size = input.page_size()?;
    let ids = input.known_ids(account)?;
    if input.dry_run {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::new(412, "DryRunOperation", message));
    }
    let pager = Pager::new(&input.filters, input.next_token, size).map_err(|_invalid_token| {
        ApiError::new(
            400,
            "InvalidNextToken",
            "The specified NextToken is not valid.",
        )
    })?;
    let matches = |(id, instance): &(&InstanceId, &Instance)| {
        (ids.is_empty() || ids.contains(id.as_str()))
            && input
                .filters
                .iter()
                .all(|filter| filter.matches(account, id, instance))
    };
    let after = Bound::Excluded(InstanceId::after(pager.after()));
    let instances = account
        .instances
        .range((after, Bound::Unbounded))
        .filter(matches)
        .map(|(id, instance)| (id.as_str(), (id, instance)));
    let page = pager.cut(instances, faults);
    Ok(xml::describe_instances(account, &page))
}

fn permit(account: &Account, caller: &Caller) -> Result<(), ApiError> {
    let context = BTreeMap::from([
        ("aws:RequestedRegion", account.region.clone()),
        ("ec2:Region", account.region.clone()),
    ]);
    let access = Access {
        action: "ec2:DescribeInstances",
        resource: "*",
        context: &context,
    };
    authorise(account, caller, &access).map_err(|denied| {
        let message = format!(
            "You are not authorized to perform this operation. {}",
            denied.message
        );
        ApiError::new(403, "UnauthorizedOperation", message)
    })
}

impl<'a> Input<'a> {
    fn parse(form: &'a Form) -> Result<Self, ApiError> {
        let mut input = Self::default();
        let mut filters: BTreeMap<u32, (Option<&str>, Vec<&str>)> = BTreeMap::new();
        for (key, value) in form {
            let parts: Vec<_> = key.split('.').collect();
            match parts.as_slice() {
                ["Action"] => {}
                ["Version"] if value == VERSION => {}
                ["MaxResults"] => input.max_results = Some(value),
                ["NextToken"] => input.next_token = Some(value),
                ["DryRun"] => input.dry_run = value == "true",
                ["InstanceId", n] if n.parse::<u32>().is_ok() => input.instance_ids.push(value),
                ["Filter", n, rest @ ..] => {
                    let n = n.parse().map_err(|_not_a_number| unknown_parameter(key))?;
                    let (name, values) = filters.entry(n).or_default();
                    match rest {
                        ["Name"] => *name = Some(value),
                        ["Value", m] if m.parse::<u32>().is_ok() => values.push(value),
                        _ => return Err(unknown_parameter(key)),
                    }
                }
                _ => return Err(unknown_parameter(key)),
            }
        }
        for (name, values) in filters.into_values() {
            input.filters.push(Filter::new(name, values)?);
        }
        Ok(input)
    }

    fn page_size(&self) -> Result<usize, ApiError> {
        let Some(text) = self.max_results else {
            return Ok(*MAX_RESULTS.end());
        };
        if !self.instance_ids.is_empty() {
            return Err(ApiError::new(
                400,
                "InvalidParameterCombination",
                "The parameter instancesSet cannot be used with the parameter maxResults",
            ));
        }
        match text.parse::<usize>() {
            Ok(size) if MAX_RESULTS.contains(&size) => Ok(size),
            Ok(_) | Err(_) => Err(invalid_value(format!(
                "Value ( {text} ) for parameter maxResults is invalid. \
                 Expecting a value between 5 and 1000."
            ))),
        }
    }

    fn known_ids(&self, account: &Account) -> Result<BTreeSet<&str>, ApiError> {
        let known = |id: &str| account.instances.keys().any(|known| known.as_str() == id);
        for id in &self.instance_ids {
            if !id.starts_with("i-") {
                let message = format!("Invalid id: \"{id}\"");
                return Err(ApiError::new(400, "InvalidInstanceID.Malformed", message));
            }
            if !known(id) {
                let message = format!("The instance ID '{id}' does not exist");
                return Err(ApiError::new(400, "InvalidInstanceID.NotFound", message));
            }
        }
        Ok(self.instance_ids.iter().copied().collect())
    }
}
