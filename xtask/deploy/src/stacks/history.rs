//! The events of a stack: what is printed of them, and what they say about a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use aws_sdk_cloudformation::types::StackEvent;
use discovery::excerpt;

/// What CloudFormation calls a stack among its resources.
const STACK: &str = "AWS::CloudFormation::Stack";

/// How much of a reason is shown, in characters. That of a service quotes what a person needs at its end.
const LONGEST: usize = 600;

/// What CloudFormation says of an instance that has told it by `cfn-signal` that its start has failed. The id of the instance follows.
const GAVE_UP: &str = "Received FAILURE signal with UniqueId ";

/// How many causes a failure has at most. From the first one on they are much alike.
const MOST_CAUSES: usize = 3;

/// How a stack came to be other than it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its name.
    pub stack: String,
    /// Its ARN.
    pub id: String,
    /// Its state at the end.
    pub status: String,
    /// What failed in it, first things first.
    pub causes: Vec<Cause>,
    /// What there is or was of it: the physical name of the latest resource of each type.
    pub resources: BTreeMap<String, String>,
    /// The ids of the instances that have said themselves that their start has failed.
    pub gave_up: BTreeSet<String>,
    /// Why its events cannot be had, where they cannot.
    pub gap: Option<String>,
}

/// A resource that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Its name in the template.
    pub resource: String,
    /// For example `AWS::ECS::Service`.
    pub kind: String,
    /// In the words of the service that refused it.
    pub reason: String,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.resource, self.reason)
    }
}

/// What failed in the last operation on the stack. `events` are the newest first, as CloudFormation has them.
pub(super) fn causes(events: &[StackEvent]) -> Vec<Cause> {
    let failed = of_last_operation(events).iter().rev().filter_map(cause);
    let (of_stack, of_resources): (Vec<_>, Vec<_>) = failed.partition(|cause| cause.kind == STACK);
    // The stack only sums up what its resources say.
    let mut causes = match of_resources.is_empty() {
        true => of_stack,
        false => of_resources,
    };
    causes.truncate(MOST_CAUSES);
    causes
}

/// The instances that have given up in the last operation on the stack. `events` are the newest first.
pub(super) fn gave_up(events: &[StackEvent]) -> BTreeSet<String> {
    let reasons = of_last_operation(events).iter();
    let reasons = reasons.filter_map(StackEvent::resource_status_reason);
    let ids = reasons.filter_map(|reason| reason.strip_prefix(GAVE_UP));
    ids.map(|id| id.trim().to_owned()).collect()
}

/// Those since the last operation on the stack began, and not that one.
fn of_last_operation(events: &[StackEvent]) -> &[StackEvent] {
    let begins = |event: &StackEvent| {
        is_of_stack(event)
            && [
                "CREATE_IN_PROGRESS",
                "UPDATE_IN_PROGRESS",
                "DELETE_IN_PROGRESS",
            ]
            .contains(&status(event))
    };
    let last = events.iter().position(begins).unwrap_or(events.len());
    &events[..last]
}

fn cause(event: &StackEvent) -> Option<Cause> {
    let reason = event.resource_status_reason()?;
    // What was cancelled is a consequence.
    let is_cause = status(event).ends_with("FAILED") && !reason.contains("cancelled");
    // Of a rollback the stack tells why it began.
    let begins_rollback = is_of_stack(event) && status(event).ends_with("ROLLBACK_IN_PROGRESS");
    (is_cause || begins_rollback).then(|| Cause {
        resource: event
            .logical_resource_id()
            .unwrap_or("the stack")
            .to_owned(),
        kind: event.resource_type().unwrap_or_default().to_owned(),
        reason: excerpt(reason, LONGEST),
    })
}

/// The physical name of the latest resource of each type. `events` are the newest first.
pub(super) fn resources(events: &[StackEvent]) -> BTreeMap<String, String> {
    let mut resources = BTreeMap::new();
    for event in events {
        if let (Some(kind), Some(name)) = (event.resource_type(), event.physical_resource_id())
            && !name.is_empty()
        {
            resources
                .entry(kind.to_owned())
                .or_insert_with(|| name.to_owned());
        }
    }
    resources
}

/// Whether it tells of the stack itself.
pub(super) fn is_of_stack(event: &StackEvent) -> bool {
    event.resource_type() == Some(STACK)
}

fn status(event: &StackEvent) -> &str {
    event.resource_status().map_or("", |status| status.as_str())
}

/// For people.
pub(super) fn line(event: &StackEvent) -> String {
    let status = status(event);
    let resource = event.logical_resource_id().unwrap_or_default();
    let kind = event.resource_type().unwrap_or_default();
    let reason = excerpt(event.resource_status_reason().unwrap_or_default(), LONGEST);
    let line = format!("{status:<20} {resource:<24} {kind} {reason}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ResourceStatus, builders::StackEventBuilder};

    use super::*;

    #[test]
    fn a_line_names_the_state_the_resource_and_the_reason() {
        let event = event("Service", "CREATE_FAILED", "the image cannot\nbe pulled")
            .resource_type("AWS::ECS::Service")
            .build();

        assert_eq!(
            line(&event),
            "CREATE_FAILED        Service                  AWS::ECS::Service the image cannot be pulled"
        );
    }

    #[test]
    fn a_line_without_a_reason_has_no_blank_end() {
        let event = event("Service", "CREATE_COMPLETE", "").build();

        assert_eq!(line(&event), "CREATE_COMPLETE      Service");
    }

    #[test]
    fn a_failure_tells_its_causes_in_order_and_not_their_consequences() {
        let events = newest_first([
            of_stack("CREATE_IN_PROGRESS", "User Initiated"),
            event("Role", "CREATE_IN_PROGRESS", "begun"),
            event("Role", "CREATE_FAILED", "no permission"),
            event("Key", "CREATE_FAILED", "the name is taken"),
            event("Service", "CREATE_FAILED", "Resource creation cancelled"),
            of_stack(
                "CREATE_FAILED",
                "The following resource(s) failed to create: [Role, Key].",
            ),
        ]);

        assert_eq!(
            told(&events),
            ["Role: no permission", "Key: the name is taken"]
        );
    }

    #[test]
    fn what_failed_in_an_earlier_operation_is_no_cause() {
        let events = newest_first([
            of_stack("CREATE_IN_PROGRESS", ""),
            of_stack("CREATE_COMPLETE", ""),
            of_stack("UPDATE_IN_PROGRESS", ""),
            event("Service", "UPDATE_FAILED", "an old story"),
            of_stack(
                "UPDATE_ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to update: [Service].",
            ),
            of_stack("UPDATE_ROLLBACK_COMPLETE", ""),
            of_stack("UPDATE_IN_PROGRESS", ""),
            event("Role", "UPDATE_FAILED", "no permission"),
            of_stack(
                "UPDATE_ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to update: [Role].",
            ),
            event("Role", "UPDATE_FAILED", "still no permission"),
            of_stack("UPDATE_ROLLBACK_FAILED", ""),
        ]);

        assert_eq!(
            told(&events),
            ["Role: no permission", "Role: still no permission"]
        );
    }

    #[test]
    fn where_no_resource_says_why_the_stack_does() {
        let events = newest_first([
            of_stack("CREATE_IN_PROGRESS", ""),
            of_stack("ROLLBACK_IN_PROGRESS", "Template error: no such function"),
            of_stack("ROLLBACK_COMPLETE", ""),
        ]);

        assert_eq!(
            told(&events),
            ["orders-service: Template error: no such function"]
        );
    }

    #[test]
    fn instances_that_have_given_up_are_known_of_the_last_operation_alone() {
        let gave_up = |id: &str| {
            event(
                "AutoScalingGroup",
                "CREATE_IN_PROGRESS",
                &format!("Received FAILURE signal with UniqueId {id}"),
            )
        };
        let well = event(
            "AutoScalingGroup",
            "UPDATE_IN_PROGRESS",
            "Received SUCCESS signal with UniqueId i-3",
        );
        let events = newest_first([
            of_stack("CREATE_IN_PROGRESS", ""),
            gave_up("i-1"),
            of_stack("UPDATE_IN_PROGRESS", ""),
            gave_up("i-2"),
            well,
        ]);

        assert_eq!(super::gave_up(&events), BTreeSet::from(["i-2".to_owned()]));
    }

    #[test]
    fn of_each_type_the_latest_resource_is_known() {
        let service = |name: &str| {
            event("Service", "CREATE_IN_PROGRESS", "")
                .resource_type("AWS::ECS::Service")
                .physical_resource_id(name)
        };
        let events = newest_first([service("old"), service("new"), service("")]);

        assert_eq!(resources(&events)["AWS::ECS::Service"], "new");
    }

    fn told(events: &[StackEvent]) -> Vec<String> {
        causes(events).iter().map(Cause::to_string).collect()
    }

    fn newest_first<const N: usize>(events: [StackEventBuilder; N]) -> Vec<StackEvent> {
        events
            .into_iter()
            .rev()
            .map(StackEventBuilder::build)
            .collect()
    }

    fn of_stack(status: &str, reason: &str) -> StackEventBuilder {
        event("orders-service", status, reason).resource_type(STACK)
    }

    fn event(resource: &str, status: &str, reason: &str) -> StackEventBuilder {
        let event = StackEvent::builder()
            .logical_resource_id(resource)
            .resource_status(ResourceStatus::from(status));
        match reason {
            "" => event,
            reason => event.resource_status_reason(reason),
        }
    }
}
