//! What CloudFormation answers about change sets.

use std::collections::{BTreeMap, VecDeque};

use wiremock::ResponseTemplate;

use crate::{
    aws::{Account, element, refusal, xml},
    formation::{Stack, given, of_stack, outputs, success},
};

/// A change set that nobody has executed.
#[derive(Debug, Clone)]
pub(crate) struct ChangeSet {
    /// Its stack's name.
    pub(crate) stack: String,
    pub(crate) name: String,
    id: String,
    is_new: bool,
    template: String,
    parameters: BTreeMap<String, String>,
    role: Option<String>,
    /// How often it is looked at until it is ready.
    looks: u32,
    /// Why it cannot be executed.
    failure: Option<String>,
    effects: Vec<Effect>,
}

/// What it says of a resource: what is done, whether it is replaced, which one, its type, a property.
pub(crate) type Effect = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// Of a stack that is new.
const ADDED: [Effect; 2] = [
    ("Add", "", "Cluster", "AWS::ECS::Cluster", ""),
    ("Add", "", "Service", "AWS::ECS::Service", ""),
];

/// Of another one, unless the story says otherwise.
const CHANGED: Effect = (
    "Modify",
    "False",
    "Service",
    "AWS::ECS::Service",
    "DesiredCount",
);

impl ChangeSet {
    /// One that is there before the story begins.
    pub(crate) fn of(stack: &str, name: &str) -> Self {
        Self {
            stack: stack.to_owned(),
            name: name.to_owned(),
            id: format!("arn:aws:cloudformation:eu-west-1:123456789012:changeSet/{name}/0"),
            is_new: true,
            template: String::new(),
            parameters: BTreeMap::new(),
            role: None,
            looks: 0,
            failure: None,
            effects: Vec::new(),
        }
    }
}

/// `found` is where the stack that is asked about stands, if there is one.
pub(crate) fn answer(
    account: &mut Account,
    question: &BTreeMap<String, String>,
    found: Option<usize>,
) -> ResponseTemplate {
    let asked = |key: &str| question.get(key).cloned().unwrap_or_default();
    let (action, set) = (asked("Action"), asked("ChangeSetName"));
    if action == "CreateChangeSet" {
        return create(account, question, found);
    }
    let Some(stack) = found.and_then(|at| account.stacks.get(at)).cloned() else {
        return refusal("ValidationError", "the stack does not exist");
    };
    let known = account
        .change_sets
        .iter()
        .position(|it| it.stack == stack.name && [&it.name, &it.id].contains(&&set));
    let Some(at) = known else {
        return match action.as_str() {
            "DeleteChangeSet" => xml(&action, ""),
            _ => refusal(
                "ChangeSetNotFound",
                &format!("ChangeSet [{set}] does not exist"),
            ),
        };
    };
    match action.as_str() {
        "DescribeChangeSet" => xml(&action, &described(&mut account.change_sets[at])),
        "DeleteChangeSet" => {
            account.change_sets.remove(at);
            xml(&action, "")
        }
        "ExecuteChangeSet" if account.is_locked => refusal("AccessDenied", "it is not allowed"),
        "ExecuteChangeSet" if account.is_shared => {
            account.change_sets.remove(at);
            refusal(
                "ChangeSetNotFound",
                "somebody else has executed another one",
            )
        }
        "ExecuteChangeSet" => {
            let set = account.change_sets.remove(at);
            execute(account, set, found.unwrap(), &asked("DisableRollback"));
            xml(&action, "")
        }
        other => refusal("InvalidAction", other),
    }
}

fn create(
    account: &mut Account,
    question: &BTreeMap<String, String>,
    found: Option<usize>,
) -> ResponseTemplate {
    let asked = |key: &str| question.get(key).cloned().unwrap_or_default();
    if 0 < account.surprises {
        account.surprises -= 1;
        return refusal(
            "ValidationError",
            "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.",
        );
    }
    let is_new = asked("ChangeSetType") == "CREATE";
    let number = account.change_sets.len() + account.calls.len() + 1;
    let at = match found {
        Some(at) if !is_new => at,
        Some(_) => return refusal("AlreadyExistsException", "the stack already exists"),
        None if is_new => {
            let mut stack = Stack::new(&asked("StackName"), "REVIEW_IN_PROGRESS");
            stack.id = format!("{}{}", stack.id, account.stacks.len());
            stack.happens(of_stack(&stack.name.clone(), "REVIEW_IN_PROGRESS"));
            account.stacks.push(stack);
            account.stacks.len() - 1
        }
        None => return refusal("ValidationError", "the stack does not exist"),
    };
    let stack = &account.stacks[at];
    let changes = account.changes.get(&stack.name);
    let is_empty = !is_new && changes.is_none_or(VecDeque::is_empty);
    let failure = match account.refusal.take() {
        Some(refusal) => Some(refusal.to_owned()),
        None => is_empty.then(|| {
            "The submitted information didn't contain changes. Submit different information to create a change set."
                .to_owned()
        }),
    };
    let set = ChangeSet {
        id: format!(
            "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/{}/{number}",
            asked("ChangeSetName")
        ),
        is_new,
        template: asked("TemplateBody"),
        parameters: given(question),
        role: question.get("RoleARN").cloned(),
        looks: 2,
        failure,
        effects: match (is_new, account.effects.is_empty()) {
            (true, _) => ADDED.to_vec(),
            (false, true) => vec![CHANGED],
            (false, false) => account.effects.clone(),
        },
        ..ChangeSet::of(&stack.name, &asked("ChangeSetName"))
    };
    let ids = element("Id", &set.id) + &element("StackId", &stack.id);
    account.change_sets.push(set);
    xml("CreateChangeSet", &ids)
}

fn described(set: &mut ChangeSet) -> String {
    let mut told = element("ChangeSetId", &set.id) + &element("StackName", &set.stack);
    let status = match (&set.failure, set.looks) {
        (_, 1..) => "CREATE_IN_PROGRESS",
        (Some(_), 0) => "FAILED",
        (None, 0) => "CREATE_COMPLETE",
    };
    set.looks = set.looks.saturating_sub(1);
    told += &element("Status", status);
    if let Some(reason) = &set.failure {
        told += &element("StatusReason", reason);
    }
    let changes = set.effects.iter().map(|effect| {
        let (action, replacement, resource, kind, property) = effect;
        let mut change = element("Action", action);
        change += &element("LogicalResourceId", resource);
        change += &element("ResourceType", kind);
        if !replacement.is_empty() {
            change += &element("Replacement", replacement);
        }
        if !property.is_empty() {
            let target = element("Attribute", "Properties") + &element("Name", property);
            change += &format!("<Details><member><Target>{target}</Target></member></Details>");
        }
        format!("<member><Type>Resource</Type><ResourceChange>{change}</ResourceChange></member>")
    });
    let changes: String = changes.collect();
    told + &format!("<Changes>{changes}</Changes>")
}

fn execute(account: &mut Account, set: ChangeSet, at: usize, disable_rollback: &str) {
    let name = set.stack;
    let (kind, begins, scripts) = match set.is_new {
        true => ("CREATE", "CREATE_IN_PROGRESS", &mut account.creations),
        false => ("UPDATE", "UPDATE_IN_PROGRESS", &mut account.changes),
    };
    let script = scripts.get_mut(&name).and_then(VecDeque::pop_front);
    let stack = &mut account.stacks[at];
    stack.ahead = script.unwrap_or_else(|| success(&name));
    stack.stale = account.stale;
    stack.parameters = set.parameters;
    stack.template = set.template;
    stack.role = set.role;
    if set.is_new {
        stack.outputs = outputs(&name);
    } else if let Some((key, value)) = account.new_outputs.get(&name) {
        stack.outputs.insert((*key).to_owned(), (*value).to_owned());
    }
    stack.happens(of_stack(&name, begins).because("User Initiated"));
    let rollback = match disable_rollback {
        "true" => "left where it fails",
        _ => "taken back where it fails",
    };
    account
        .calls
        .push(format!("ExecuteChangeSet {name} {kind} {rollback}"));
}
