//! Puts what is known about a failure into words. Makes no calls.
//!
//! The most important part comes last, where a terminal shows it.

use aws_sdk_ec2::types::Instance;
use aws_sdk_ecs::types::{Container, Task};
use discovery::excerpt;
use serde_json::Value;

use super::meaning::meaning;
use crate::stacks::Failure;

/// How much of one text is shown, in characters.
pub(super) const LONGEST: usize = 400;

/// The evidence that could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What ECS has said of the service, the newest last.
    pub events: Vec<String>,
    /// How tasks and instances ended, one line for each.
    pub hosts: Vec<String>,
    /// The last lines of the log of one of them.
    pub log: Vec<String>,
    /// What could not be read, and why.
    pub gaps: Vec<String>,
}

/// The failure, for people.
pub fn lines(failure: &Failure, evidence: &Evidence) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(first) = failure.causes.first() {
        lines.push(format!(
            "what failed first: {} ({})",
            first.resource, first.kind
        ));
        lines.push(format!("    {}", first.reason));
    }
    let mut section = |heading: &str, of: &[String]| {
        if !of.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(of.iter().map(|line| format!("    {line}")));
        }
    };
    section("what ECS says of the service:", &evidence.events);
    section("its nodes:", &tally(&evidence.hosts));
    section("the end of a log:", &evidence.log);
    let of_stack = failure
        .gap
        .iter()
        .map(|gap| format!("what happened: {gap}"));
    let gaps: Vec<_> = of_stack.chain(evidence.gaps.iter().cloned()).collect();
    section("what could not be read:", &gaps);

    let reasons = failure.causes.iter().map(|cause| &cause.reason);
    let texts: Vec<_> = reasons
        .chain(&evidence.hosts)
        .chain(&evidence.events)
        .chain(&evidence.log)
        .map(String::as_str)
        .collect();
    if let Some(meaning) = meaning(&texts) {
        lines.push(format!("the most likely cause: {}", meaning.what));
        lines.push(format!("what to do: {}", meaning.remedy));
    }
    lines.extend(standing(failure));
    lines
}

/// The current state, and what to do next.
fn standing(failure: &Failure) -> Option<String> {
    let stack = &failure.stack;
    // An ARN says where it is.
    let region = failure.id.split(':').nth(3);
    let there = region.map_or_else(String::new, |region| format!(" --region {region}"));
    match failure.status.as_str() {
        "CREATE_FAILED" => Some(format!(
            "{stack} stays as it is, so that you can look at it; the same command deletes it and begins again"
        )),
        "UPDATE_ROLLBACK_COMPLETE" => Some(format!(
            "the change of {stack} was rolled back: what ran before keeps running"
        )),
        "UPDATE_FAILED" => Some(format!(
            "{stack} stays as it is; the same command tries the change again"
        )),
        "UPDATE_ROLLBACK_FAILED" => Some(format!(
            "the change of {stack} cannot be rolled back. Skip each resource that is UPDATE_FAILED with this command, and \
             then run yours again: aws cloudformation continue-update-rollback{there} --stack-name {stack} --resources-to-skip RESOURCE"
        )),
        "DELETE_FAILED" => Some(format!(
            "{stack} cannot be deleted. Remove what prevents it and run the same command, or leave it behind with: \
             aws cloudformation delete-stack{there} --stack-name {stack} --deletion-mode FORCE_DELETE_STACK"
        )),
        _ => None,
    }
}

/// Each text once, with its number of occurrences.
fn tally(texts: &[String]) -> Vec<String> {
    let mut tally: Vec<(&String, usize)> = Vec::new();
    for text in texts {
        match tally.iter_mut().find(|(known, _)| *known == text) {
            Some((_, times)) => *times += 1,
            None => tally.push((text, 1)),
        }
    }
    let line = |(text, times): (&String, usize)| match times {
        1 => text.clone(),
        times => format!("{times} times: {text}"),
    };
    tally.into_iter().map(line).collect()
}

/// How a task ended, or its current state.
pub(super) fn of_task(task: &Task) -> String {
    let mut parts = vec![match task.stopped_reason() {
        Some(reason) => format!("task stopped: {}", excerpt(reason, LONGEST)),
        None => format!("task {}", task.last_status().unwrap_or_default()),
    }];
    if let Some(health) = task.health_status() {
        parts.push(format!("health {health}"));
    }
    parts.extend(task.containers().iter().map(of_container));
    parts.join("; ")
}

fn of_container(container: &Container) -> String {
    let name = container.name().unwrap_or("a container");
    let code = match container.exit_code() {
        Some(code) => format!("exit code {code}"),
        None => "no exit code".to_owned(),
    };
    match container.reason() {
        Some(reason) => format!("{name}: {code}, {}", excerpt(reason, LONGEST)),
        None => format!("{name}: {code}"),
    }
}

/// An instance's state, and whether it has reported that its start failed.
pub(super) fn of_instance(instance: &Instance, gave_up: bool) -> String {
    let state = instance.state().and_then(|state| state.name());
    let mut parts = vec![format!(
        "instance {}",
        state.map_or("", |state| state.as_str())
    )];
    let reason = instance.state_transition_reason().unwrap_or_default();
    if !reason.is_empty() {
        parts.push(excerpt(reason, LONGEST));
    }
    if gave_up {
        parts.push("it says that its node did not become a member".to_owned());
    }
    parts.join("; ")
}

/// The last lines of a log that are about a node. What an instance says of the end of its start comes after them.
pub(super) fn last_words(lines: &[String], most: usize) -> Vec<String> {
    let of_node = |line: &&String| {
        let line = line.to_lowercase();
        !["cloud-init", "cloud-final", "scripts_user"]
            .iter()
            .any(|word| line.contains(word))
    };
    let lines: Vec<_> = lines.iter().filter(of_node).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(most));
    last.map(|line| of_log(line)).collect()
}

/// A line of a log. Those of nodes are JSON.
fn of_log(line: &str) -> String {
    const KNOWN: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];
    let read: Option<serde_json::Map<String, Value>> = serde_json::from_str(line).ok();
    let Some(fields) = read.filter(|fields| fields.contains_key("message")) else {
        return excerpt(line, LONGEST);
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let known = ["level", "message"]
        .into_iter()
        .filter_map(|key| fields.get(key).map(text));
    let others = fields
        .iter()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| format!("{key}={}", text(value)));
    let parts: Vec<_> = known.chain(others).collect();
    excerpt(&parts.join(" "), LONGEST)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState, InstanceStateName};
    use aws_sdk_ecs::types::HealthStatus;

    use super::*;
    use crate::stacks::Cause;

    #[test]
    fn the_failure_is_told_from_its_beginning_to_what_to_do() {
        let evidence = Evidence {
            events: vec!["(service orders) deployment failed: tasks failed to start.".to_owned()],
            hosts: vec!["task stopped: Essential container in task exited".to_owned(); 3],
            log: vec!["ERROR no keys".to_owned()],
            gaps: vec!["the instances: no answer".to_owned()],
        };

        assert_eq!(
            lines(&failure("CREATE_FAILED"), &evidence),
            [
                "what failed first: Service (AWS::ECS::Service)",
                "    ECS Deployment Circuit Breaker was triggered",
                "what ECS says of the service:",
                "    (service orders) deployment failed: tasks failed to start.",
                "its nodes:",
                "    3 times: task stopped: Essential container in task exited",
                "the end of a log:",
                "    ERROR no keys",
                "what could not be read:",
                "    the instances: no answer",
                "the most likely cause: the program ends soon after its start",
                "what to do: see the last lines of its log, and try the image here: docker run --rm IMAGE run",
                "orders-service stays as it is, so that you can look at it; the same command deletes it and begins again",
            ]
        );
    }

    #[test]
    fn what_there_is_nothing_of_has_no_heading() {
        let failure = Failure {
            causes: Vec::new(),
            ..failure("ROLLBACK_COMPLETE")
        };

        assert_eq!(lines(&failure, &Evidence::default()), [""; 0]);
    }

    #[test]
    fn reasons_that_cannot_be_had_are_told_as_such() {
        let failure = Failure {
            causes: Vec::new(),
            gap: Some("Rate exceeded".to_owned()),
            ..failure("ROLLBACK_COMPLETE")
        };

        assert_eq!(
            lines(&failure, &Evidence::default()),
            [
                "what could not be read:",
                "    what happened: Rate exceeded"
            ]
        );
    }

    #[test]
    fn how_things_stand_is_told_for_each_end() {
        for (status, expected) in [
            (
                "CREATE_FAILED",
                "the same command deletes it and begins again",
            ),
            ("UPDATE_ROLLBACK_COMPLETE", "what ran before keeps running"),
            ("UPDATE_FAILED", "the same command tries the change again"),
            (
                "UPDATE_ROLLBACK_FAILED",
                "aws cloudformation continue-update-rollback --region eu-west-1 --stack-name orders-service --resources-to-skip RESOURCE",
            ),
            (
                "DELETE_FAILED",
                "aws cloudformation delete-stack --region eu-west-1 --stack-name orders-service --deletion-mode FORCE_DELETE_STACK",
            ),
        ] {
            let told = standing(&failure(status)).unwrap();
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(standing(&failure("DELETE_COMPLETE")), None);
    }

    #[test]
    fn a_task_says_why_it_was_stopped_and_how_its_program_ended() {
        let container = Container::builder().name("demo-node").exit_code(137);
        let task = Task::builder()
            .stopped_reason("Task failed container\nhealth checks")
            .health_status(HealthStatus::Unhealthy)
            .containers(container.reason("OutOfMemoryError").build());

        assert_eq!(
            of_task(&task.build()),
            "task stopped: Task failed container health checks; health UNHEALTHY; \
             demo-node: exit code 137, OutOfMemoryError"
        );

        let container = Container::builder().name("demo-node");
        let task = Task::builder()
            .last_status("RUNNING")
            .containers(container.build());
        assert_eq!(
            of_task(&task.build()),
            "task RUNNING; demo-node: no exit code"
        );
    }

    #[test]
    fn an_instance_says_how_it_is_and_whether_it_gave_up() {
        let state = InstanceState::builder().name(InstanceStateName::Running);
        let instance = Instance::builder().state(state.build());
        assert_eq!(
            of_instance(&instance.clone().build(), false),
            "instance running"
        );
        assert_eq!(
            of_instance(&instance.build(), true),
            "instance running; it says that its node did not become a member"
        );

        let state = InstanceState::builder().name(InstanceStateName::Terminated);
        let instance = Instance::builder().state(state.build());
        let ended = instance.state_transition_reason("User initiated (2026-11-28 10:00:00 GMT)");
        assert_eq!(
            of_instance(&ended.build(), false),
            "instance terminated; User initiated (2026-11-28 10:00:00 GMT)"
        );
    }

    #[test]
    fn the_last_words_are_those_of_the_node_and_not_of_what_started_it() {
        let lines = [
            "one",
            "two",
            r#"{"level":"INFO","message":"waiting"}"#,
            "2026-11-28 10:00:00,000 - cc_scripts_user.py[WARNING]: Failed to run module scripts_user",
            "Cloud-init v. 22.2.2 finished at Sat, 28 Nov 2026 10:00:00 +0000",
            "cloud-final.service: Main process exited, code=exited, status=1/FAILURE",
        ];
        let lines = lines.map(str::to_owned);

        assert_eq!(last_words(&lines, 2), ["two", "INFO waiting"]);
        assert_eq!(last_words(&lines, 9).len(), 3);
    }

    #[test]
    fn a_line_of_a_log_is_shown_without_what_a_person_does_not_need() {
        for (line, expected) in [
            (
                r#"{"timestamp":"2026-11-28T10:00:00Z","level":"WARN","message":"lookup failed","error":"denied","target":"x"}"#,
                "WARN lookup failed error=denied",
            ),
            (r#"{"level":"INFO"}"#, r#"{"level":"INFO"}"#),
            ("error: \u{1b}[31mno keys", "error: \\u{1b}[31mno keys"),
        ] {
            assert_eq!(of_log(line), expected);
        }
    }

    fn failure(status: &str) -> Failure {
        Failure {
            stack: "orders-service".to_owned(),
            id: "arn:aws:cloudformation:eu-west-1:1:stack/orders-service/1".to_owned(),
            status: status.to_owned(),
            causes: vec![Cause {
                resource: "Service".to_owned(),
                kind: "AWS::ECS::Service".to_owned(),
                reason: "ECS Deployment Circuit Breaker was triggered".to_owned(),
            }],
            resources: Default::default(),
            gave_up: Default::default(),
            gap: None,
        }
    }
}
