//! The events of a stack: what is told of them, and what they say of a failure.

use aws_sdk_cloudformation::types::{StackEvent, StackStatus};

use super::StackError;

/// What has been told of a stack.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The id of the newest one that was told.
    pub(super) last: Option<String>,
    reasons: Vec<String>,
}

impl Told {
    /// Remembers what went wrong.
    pub(super) fn hear(&mut self, event: &StackEvent) {
        let failed = event
            .resource_status()
            .is_some_and(|status| status.as_str().ends_with("FAILED"));
        // What was cancelled is a consequence.
        if failed
            && let Some(reason) = event.resource_status_reason()
            && !reason.contains("cancelled")
        {
            let resource = event.logical_resource_id().unwrap_or("the stack");
            self.reasons.push(format!("{resource}: {reason}"));
        }
    }

    /// What the failure of the whole comes from.
    pub(super) fn failure(&self, stack: &str, status: &StackStatus) -> StackError {
        StackError::Failed {
            stack: stack.to_owned(),
            status: status.as_str().to_owned(),
            reasons: self.reasons.join("; "),
        }
    }
}

/// For people.
pub(super) fn line(event: &StackEvent) -> String {
    let status = event.resource_status().map_or("", |status| status.as_str());
    let resource = event.logical_resource_id().unwrap_or_default();
    let kind = event.resource_type().unwrap_or_default();
    let reason = event.resource_status_reason().unwrap_or_default();
    let line = format!("{status:<20} {resource:<24} {kind} {reason}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::ResourceStatus;

    use super::*;

    #[test]
    fn a_line_names_the_state_the_resource_and_the_reason() {
        let event = event("Service", ResourceStatus::CreateFailed)
            .resource_type("AWS::ECS::Service")
            .resource_status_reason("the image cannot be pulled")
            .build();

        assert_eq!(
            line(&event),
            "CREATE_FAILED        Service                  AWS::ECS::Service the image cannot be pulled"
        );
    }

    #[test]
    fn a_line_without_a_reason_has_no_blank_end() {
        let event = event("Service", ResourceStatus::CreateComplete).build();

        assert_eq!(line(&event), "CREATE_COMPLETE      Service");
    }

    #[test]
    fn a_failure_tells_its_causes_in_order_and_not_their_consequences() {
        let mut told = Told::default();
        for (resource, status, reason) in [
            ("Role", ResourceStatus::CreateInProgress, "begun"),
            ("Role", ResourceStatus::CreateFailed, "no permission"),
            ("Key", ResourceStatus::CreateFailed, "the name is taken"),
            (
                "Service",
                ResourceStatus::CreateFailed,
                "Resource creation cancelled",
            ),
        ] {
            told.hear(
                &event(resource, status)
                    .resource_status_reason(reason)
                    .build(),
            );
        }

        let failure = told.failure("orders-service", &StackStatus::RollbackComplete);

        assert_eq!(
            failure.to_string(),
            "the stack orders-service ended as ROLLBACK_COMPLETE: \
             Role: no permission; Key: the name is taken"
        );
    }

    fn event(
        resource: &str,
        status: ResourceStatus,
    ) -> aws_sdk_cloudformation::types::builders::StackEventBuilder {
        StackEvent::builder()
            .logical_resource_id(resource)
            .resource_status(status)
    }
}
