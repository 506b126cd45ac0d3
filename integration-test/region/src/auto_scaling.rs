//! Amazon EC2 Auto Scaling: the Query protocol, one operation.
//!
//! It differs from EC2's: another version, another way to write lists and errors.

mod xml;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};

use super::access::{Access, authorise};
use super::account::Account;
use super::account::group::Group;
use super::account::identity::Caller;
use super::calls::Action;
use super::faults::PagingFaults;
use super::paging::Pager;
use super::reply::ApiError;

/// The only version of the API in use.
const VERSION: &str = "2011-01-01";

/// Pages of a list of groups.
const MAX_RECORDS: RangeInclusive<usize> = 1..=100;

/// The default size of a page, and how many groups a call may name then.
const USUAL: usize = 50;

/// The fields of a form.
type Form = BTreeMap<String, String>;

/// Whether a form is for this service rather than for EC2.
pub(super) fn is_for(form: &Form) -> bool {
    form.get("Version")
        .is_some_and(|version| version == VERSION)
}

/// The operation that a form asks for.
pub(super) fn action(form: &Form) -> Action {
    match form.get("Action").map(String::as_str) {
        Some("DescribeAutoScalingGroups") => Action::DescribeAutoScalingGroups,
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
        Action::DescribeAutoScalingGroups => describe_groups(account, caller, form, faults),
        Action::ListTasks
        | Action::DescribeTasks
        | Action::DescribeServices
        | Action::DescribeInstances
        | Action::AssumeRole
        | Action::TaskMetadata
        | Action::TaskCredentials
        | Action::InstanceToken
        | Action::InstanceMetadata
        | Action::Unknown => {
            let name = form.get("Action").map_or("", String::as_str);
            let message = format!("Could not find operation {name} for version {VERSION}");
            Err(ApiError::new(400, "InvalidAction", message))
        }
    }
}

/// A parsed DescribeAutoScalingGroups.
#[derive(Debug, Default)]
struct Input<'a> {
    names: BTreeSet<&'a str>,
    max_records: Option<&'a str>,
    next_token: Option<&'a str>,
}

fn describe_groups(
    account: &Account,
    caller: &Caller,
    form: &Form,
    faults: &PagingFaults,
) -> Result<String, ApiError> {
    permit(account, caller)?;
    let input = Input::parse(form)?;
    let size = input.page_size()?;
    let pager = Pager::new(&input.names, input.next_token, size).map_err(|_invalid_token| {
        ApiError::new(400, "InvalidNextToken", "The token is not valid.")
    })?;
    let after = Bound::Excluded(pager.after().to_owned());
    let groups = account
        .groups
        .range((after, Bound::Unbounded))
        .filter(|(name, _)| input.names.is_empty() || input.names.contains(name.as_str()))
        .map(|(name, group): (&String, &Group)| (name.as_str(), (name.as_str(), group)));
    let page = pager.cut(groups, faults);
    Ok(xml::describe_groups(account, &page))
}

/// AWS knows no resource for this action.
fn permit(account: &Account, caller: &Caller) -> Result<(), ApiError> {
    let context = BTreeMap::from([("aws:RequestedRegion", account.region.clone())]);
    let access = Access {
        action: "autoscaling:DescribeAutoScalingGroups",
        resource: "*",
        context: &context,
    };
    authorise(account, caller, &access)
        .map_err(|denied| ApiError::new(403, "AccessDenied", denied.message))
}

impl<'a> Input<'a> {
    fn parse(form: &'a Form) -> Result<Self, ApiError> {
        let mut input = Self::default();
        for (key, value) in form {
            let parts: Vec<_> = key.split('.').collect();
            match parts.as_slice() {
                ["Action" | "Version" | "IncludeInstances"] => {}
                ["MaxRecords"] => input.max_records = Some(value),
                ["NextToken"] => input.next_token = Some(value),
                ["AutoScalingGroupNames", "member", n] if n.parse::<u32>().is_ok() => {
                    input.names.insert(value);
                }
                _ => return Err(invalid(format!("The parameter {key} is not known here"))),
            }
        }
        Ok(input)
    }

    fn page_size(&self) -> Result<usize, ApiError> {
        let size = match self.max_records.map(str::parse) {
            None => USUAL,
            Some(Ok(size)) if MAX_RECORDS.contains(&size) => size,
            Some(_) => {
                return Err(invalid("MaxRecords must be between 1 and 100".to_owned()));
            }
        };
        if size.max(USUAL) < self.names.len() {
            let names = self.names.len();
            return Err(invalid(format!(
                "{names} groups are named, and {size} may be"
            )));
        }
        Ok(size)
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::account::{ACCOUNT_ID, REGION};
    use super::*;

    fn describe(names: &[&str], more: &str) -> Result<String, ApiError> {
        let mut account = Account::new(ACCOUNT_ID, REGION, SystemTime::UNIX_EPOCH);
        for n in 1..=9 {
            account.put_auto_scaling_group(&format!("group-{n}"), n);
        }
        let caller = Caller {
            account: account.id.clone(),
            role: "task-role".to_owned(),
            session: "session".to_owned(),
        };
        let mut body = format!("Version={VERSION}{more}");
        for (n, name) in (1..).zip(names) {
            body += &format!("&AutoScalingGroupNames.member.{n}={name}");
        }
        let form = form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let action = Action::DescribeAutoScalingGroups;
        answer(&account, &caller, action, &form, &PagingFaults::default())
    }

    fn capacities(answer: &str) -> Vec<&str> {
        let capacities = answer.split("<DesiredCapacity>").skip(1);
        capacities
            .map(|rest| rest.split('<').next().unwrap())
            .collect()
    }

    #[test]
    fn named_groups_are_described_and_unknown_ones_left_out() {
        let answer = describe(&["group-3", "group-7", "none"], "").unwrap();
        assert_eq!(capacities(&answer), ["3", "7"]);
        assert!(!answer.contains("NextToken"), "{answer}");
        assert_eq!(capacities(&describe(&[], "").unwrap()).len(), 9);
    }

    #[test]
    fn pages_have_the_size_that_was_asked_for() {
        let answer = describe(&[], "&MaxRecords=4").unwrap();
        assert_eq!(capacities(&answer), ["1", "2", "3", "4"]);
        assert!(answer.contains("<NextToken>"), "{answer}");
        for wrong in [
            "&MaxRecords=0",
            "&MaxRecords=101",
            "&NextToken=x",
            "&Filter.1=x",
        ] {
            assert_eq!(describe(&[], wrong).unwrap_err().status, 400, "{wrong}");
        }
    }

    #[test]
    fn more_than_fifty_groups_are_named_only_on_a_larger_page() {
        let names: Vec<_> = (0..60).map(|n| format!("g-{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let error = describe(&names, "").unwrap_err();
        assert_eq!(error.code, "ValidationError");
        describe(&names, "&MaxRecords=100").unwrap();
    }
}
