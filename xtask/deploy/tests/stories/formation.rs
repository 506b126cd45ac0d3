//! What CloudFormation answers.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use wiremock::ResponseTemplate;

use crate::{
    aws::{Account, element, refusal, xml},
    change_sets,
};

/// What happens to a stack: its state at each look, and the events that came before.
pub(crate) type Script = VecDeque<(&'static str, Vec<Event>)>;

/// A stack of the account.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) status: &'static str,
    is_ours: bool,
    pub(crate) template: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    /// What CloudFormation was handed for it.
    pub(crate) role: Option<String>,
    /// The oldest first.
    events: Vec<(u32, Event)>,
    pub(crate) ahead: Script,
    /// How many looks still show what was before an operation.
    pub(crate) stale: u32,
}

/// What happened to a resource.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    resource: String,
    kind: &'static str,
    name: String,
    status: &'static str,
    reason: String,
}

impl Stack {
    /// One that is there and in this state.
    pub(crate) fn new(name: &str, status: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            id: format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/0"),
            status,
            is_ours: true,
            template: String::new(),
            parameters: BTreeMap::new(),
            outputs: BTreeMap::new(),
            role: None,
            events: Vec::new(),
            ahead: Script::new(),
            stale: 0,
        }
    }

    /// One that somebody else has made.
    pub(crate) fn of_somebody_else(mut self) -> Self {
        self.is_ours = false;
        self
    }

    pub(crate) fn with_output(mut self, key: &str, value: &str) -> Self {
        self.outputs.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn with_parameter(mut self, key: &str, value: &str) -> Self {
        self.parameters.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn with_template(mut self, template: &str) -> Self {
        self.template = template.to_owned();
        self
    }

    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// With what has happened to it.
    pub(crate) fn after(mut self, event: Event) -> Self {
        self.happens(event);
        self
    }

    /// With what happens to it from now on.
    pub(crate) fn going_on(mut self, script: Script) -> Self {
        self.ahead = script;
        self
    }

    /// Its name and its state.
    pub(crate) fn told(&self) -> String {
        format!("{} {}", self.name, self.status)
    }

    pub(crate) fn happens(&mut self, event: Event) {
        let number = u32::try_from(self.events.len()).unwrap();
        self.events.push((number, event));
    }

    fn look(&mut self) {
        if 0 < self.stale {
            self.stale -= 1;
        } else if let Some((status, events)) = self.ahead.pop_front() {
            self.status = status;
            events.into_iter().for_each(|event| self.happens(event));
        }
    }

    fn described(&self) -> String {
        let mut told = element("StackName", &self.name);
        told += &element("StackId", &self.id);
        told += &element("CreationTime", "2026-11-28T10:00:00Z");
        told += &element("StackStatus", self.status);
        told += &members(
            "Parameters",
            "ParameterKey",
            "ParameterValue",
            &self.parameters,
        );
        // What was never complete gives nothing.
        if !["CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE"].contains(&self.status) {
            told += &members("Outputs", "OutputKey", "OutputValue", &self.outputs);
        }
        if let Some(role) = &self.role {
            told += &element("RoleARN", role);
        }
        // Nothing of it was created yet, not even its tags.
        if self.is_ours && self.status != "REVIEW_IN_PROGRESS" {
            let tags = BTreeMap::from([("cluster-on-aws".to_owned(), self.name.clone())]);
            told += &members("Tags", "Key", "Value", &tags);
        }
        format!("<Stacks><member>{told}</member></Stacks>")
    }
}

impl Event {
    pub(crate) fn new(resource: &str, kind: &'static str, status: &'static str) -> Self {
        Self {
            resource: resource.to_owned(),
            kind,
            name: String::new(),
            status,
            reason: String::new(),
        }
    }

    /// With the resource's name in AWS.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    pub(crate) fn because(mut self, reason: &str) -> Self {
        self.reason = reason.to_owned();
        self
    }

    fn described(&self, stack: &Stack, number: u32) -> String {
        let mut told = element("EventId", &format!("{}#{number}", stack.id));
        told += &element("StackId", &stack.id);
        told += &element("StackName", &stack.name);
        told += &element("Timestamp", "2026-11-28T10:00:00Z");
        told += &element("LogicalResourceId", &self.resource);
        told += &element("PhysicalResourceId", &self.name);
        told += &element("ResourceType", self.kind);
        told += &element("ResourceStatus", self.status);
        if !self.reason.is_empty() {
            told += &element("ResourceStatusReason", &self.reason);
        }
        format!("<member>{told}</member>")
    }
}

/// Of the stack itself.
pub(crate) fn of_stack(name: &str, status: &'static str) -> Event {
    Event::new(name, "AWS::CloudFormation::Stack", status)
}

/// A creation that succeeds.
pub(crate) fn success(name: &str) -> Script {
    let events = match name.ends_with("-service") {
        true => vec![
            Event::new("Cluster", "AWS::ECS::Cluster", "CREATE_COMPLETE")
                .named("orders-service-Cluster-1"),
            Event::new("Service", "AWS::ECS::Service", "CREATE_COMPLETE"),
        ],
        false => Vec::new(),
    };
    Script::from([
        ("CREATE_IN_PROGRESS", events),
        ("CREATE_COMPLETE", vec![of_stack(name, "CREATE_COMPLETE")]),
    ])
}

/// A creation that fails, after these events.
pub(crate) fn failure(name: &str, events: Vec<Event>) -> Script {
    Script::from([
        ("CREATE_IN_PROGRESS", Vec::new()),
        ("CREATE_IN_PROGRESS", events),
        ("CREATE_FAILED", vec![of_stack(name, "CREATE_FAILED")]),
    ])
}

/// To a question in the Query protocol.
pub(crate) fn answer(
    account: &mut Account,
    question: &BTreeMap<String, String>,
) -> ResponseTemplate {
    let asked = |key: &str| question.get(key).cloned().unwrap_or_default();
    if asked("Action") == "DescribeStackEvents" && account.throttled.next() == Some(true) {
        return refusal("Throttling", "Rate exceeded");
    }
    let (action, name) = (asked("Action"), asked("StackName"));
    // By name only what is not deleted is known.
    let found = account.stacks.iter().rposition(|stack| {
        stack.id == name || (stack.name == name && stack.status != "DELETE_COMPLETE")
    });
    let stale = account.stale;
    if action.ends_with("ChangeSet") {
        return change_sets::answer(account, question, found);
    }
    match action.as_str() {
        "CreateStack" if found.is_some() => refusal(
            "AlreadyExistsException",
            &format!("Stack [{name}] already exists"),
        ),
        "CreateStack" => {
            account
                .calls
                .push(format!("CreateStack {name} {}", asked("OnFailure")));
            let scripts = account.creations.get_mut(&name);
            let script = scripts.and_then(VecDeque::pop_front);
            let mut stack = Stack::new(&name, "CREATE_IN_PROGRESS");
            stack.id = format!("{}{}", stack.id, account.stacks.len());
            stack.parameters = given(question);
            stack.template = asked("TemplateBody");
            stack.outputs = outputs(&name);
            stack.happens(of_stack(&name, "CREATE_IN_PROGRESS").because("User Initiated"));
            stack.ahead = script.unwrap_or_else(|| success(&name));
            let id = element("StackId", &stack.id);
            account.stacks.push(stack);
            xml(&action, &id)
        }
        _ => {
            let Some(stack) = found.and_then(|at| account.stacks.get_mut(at)) else {
                return refusal(
                    "ValidationError",
                    &format!("Stack with id {name} does not exist"),
                );
            };
            match action.as_str() {
                "DescribeStacks" => {
                    stack.look();
                    xml(&action, &stack.described())
                }
                "DescribeStackEvents" => {
                    let events = stack.events.iter().rev();
                    let events: String = events
                        .map(|(number, event)| event.described(stack, *number))
                        .collect();
                    xml(&action, &format!("<StackEvents>{events}</StackEvents>"))
                }
                "GetTemplate" => xml(&action, &element("TemplateBody", &stack.template)),
                "DeleteStack" => {
                    stack.stale = stale;
                    let how = match stack.id == name {
                        true => "",
                        false => " by its name, which another stack may have by now",
                    };
                    let name = stack.name.clone();
                    stack.ahead = Script::from([
                        (
                            "DELETE_IN_PROGRESS",
                            vec![of_stack(&name, "DELETE_IN_PROGRESS")],
                        ),
                        ("DELETE_COMPLETE", vec![of_stack(&name, "DELETE_COMPLETE")]),
                    ]);
                    stack.role = stack
                        .role
                        .take()
                        .or_else(|| question.get("RoleARN").cloned());
                    account.change_sets.retain(|set| set.stack != name);
                    account.calls.push(format!("DeleteStack {name}{how}"));
                    xml(&action, "")
                }
                "ContinueUpdateRollback" => {
                    stack.stale = stale;
                    let name = stack.name.clone();
                    stack.ahead = Script::from([
                        ("UPDATE_ROLLBACK_IN_PROGRESS", Vec::new()),
                        (
                            "UPDATE_ROLLBACK_COMPLETE",
                            vec![of_stack(&name, "UPDATE_ROLLBACK_COMPLETE")],
                        ),
                    ]);
                    account.calls.push(format!("ContinueUpdateRollback {name}"));
                    xml(&action, "")
                }
                "UpdateStack" => {
                    let scripts = account.changes.get_mut(&name);
                    let script = scripts.and_then(VecDeque::pop_front);
                    let Some(script) = script else {
                        return refusal("ValidationError", "No updates are to be performed.");
                    };
                    stack.ahead = script;
                    stack.stale = stale;
                    stack.happens(of_stack(&name, "UPDATE_IN_PROGRESS").because("User Initiated"));
                    account
                        .calls
                        .push(format!("UpdateStack {name} {}", asked("DisableRollback")));
                    xml(&action, &element("StackId", &name))
                }
                other => refusal("InvalidAction", other),
            }
        }
    }
}

/// The parameters that are given.
pub(crate) fn given(question: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    for number in 1.. {
        let part = |part: &str| question.get(&format!("Parameters.member.{number}.{part}"));
        let (Some(key), Some(value)) = (part("ParameterKey"), part("ParameterValue")) else {
            break;
        };
        given.insert(key.clone(), value.clone());
    }
    given
}

/// What a stack of this name gives.
pub(crate) fn outputs(name: &str) -> BTreeMap<String, String> {
    let outputs: &[(&str, &str)] = match name.rsplit('-').next() {
        Some("service") => &[("ClusterName", "orders-service-Cluster-1")],
        Some("instances") => &[("AutoScalingGroupName", "orders-instances-Group-1")],
        _ => &[],
    };
    let outputs = outputs.iter();
    outputs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn members(list: &str, key: &str, value: &str, pairs: &BTreeMap<String, String>) -> String {
    let mut members = String::new();
    for (name, content) in pairs {
        let (name, content) = (element(key, name), element(value, content));
        write!(members, "<member>{name}{content}</member>").unwrap();
    }
    format!("<{list}>{members}</{list}>")
}
