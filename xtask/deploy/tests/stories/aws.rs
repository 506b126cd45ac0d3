//! What AWS answers in a story: an account of which only so much is there as the program asks for.
//!
//! A stack does what its script says, one step with every look at it. Nothing else happens by itself.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::{
    change_sets::{ChangeSet, Effect},
    deployer,
    formation::{self, Stack},
    services::{self, Services},
};

/// An account, which answers on this machine.
#[derive(Debug)]
pub(crate) struct Aws {
    server: MockServer,
    account: Arc<Mutex<Account>>,
}

/// What there is in it.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// By name, those that are deleted included.
    pub(crate) stacks: Vec<Stack>,
    /// What becomes of the stacks of a name when they are created, one after the other. Others succeed.
    pub(crate) creations: BTreeMap<String, VecDeque<formation::Script>>,
    /// The same for changes.
    pub(crate) changes: BTreeMap<String, VecDeque<formation::Script>>,
    pub(crate) services: Services,
    /// Whether it is too much that events are asked for: the first time, the second, and so on.
    pub(crate) throttled: Throttled,
    /// How many looks at a stack show what was before an operation that has begun.
    pub(crate) stale: u32,
    /// The change sets, the oldest first.
    pub(crate) change_sets: Vec<ChangeSet>,
    /// What change sets of stacks that are there say that they do.
    pub(crate) effects: Vec<Effect>,
    /// Why the next change set fails, where it does.
    pub(crate) refusal: Option<&'static str>,
    /// What changes of stacks that are there give besides, by their names.
    pub(crate) new_outputs: BTreeMap<String, (&'static str, &'static str)>,
    /// At so many wishes to prepare a change the stack is another one than the one that was looked at.
    pub(crate) surprises: u32,
    /// Whether nobody may execute a change set.
    pub(crate) is_locked: bool,
    /// Whether somebody else changes each stack between a look and a change.
    pub(crate) is_shared: bool,
    /// Whether it is moto that plays AWS.
    pub(crate) is_moto: bool,
    /// Each question, as IAM names it, with what it asks.
    pub(crate) questions: Vec<(String, BTreeMap<String, String>)>,
    /// Each call that changes something, or that a story is about.
    pub(crate) calls: Vec<String>,
}

/// One answer after the other; after these, none.
pub(crate) type Throttled = std::vec::IntoIter<bool>;

/// The account behind the server.
struct Front(Arc<Mutex<Account>>);

impl Aws {
    /// An account with its default VPC and nothing else.
    pub(crate) async fn start(account: Account) -> Self {
        let server = MockServer::start().await;
        let account = Arc::new(Mutex::new(account));
        Mock::given(any())
            .respond_with(Front(Arc::clone(&account)))
            .mount(&server)
            .await;
        Self { server, account }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// What was called of what changes something, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Fails where more was asked than whoever deploys may ask. Of an emulator anybody may ask anything.
    pub(crate) fn assert_allowed(&self) {
        if !self.lock().is_moto {
            deployer::assert_allowed(self);
        }
    }

    /// What was asked, as IAM names it.
    pub(crate) fn actions(&self) -> BTreeSet<String> {
        let account = self.lock();
        let questions = account.questions.iter();
        questions.map(|(action, _)| action.clone()).collect()
    }

    /// All questions of this kind, with what they ask.
    pub(crate) fn asked(&self, action: &str) -> Vec<BTreeMap<String, String>> {
        let account = self.lock();
        let questions = account.questions.iter().filter(|(it, _)| it == action);
        questions.map(|(_, question)| question.clone()).collect()
    }

    /// The names of the stacks that are there, with their states.
    pub(crate) fn stacks(&self) -> Vec<String> {
        let account = self.lock();
        let stacks = account.stacks.iter().map(Stack::told);
        stacks
            .filter(|told| !told.ends_with("DELETE_COMPLETE"))
            .collect()
    }

    /// The stacks of change sets that are there and were not executed.
    pub(crate) fn change_sets(&self) -> Vec<String> {
        let account = self.lock();
        let sets = account.change_sets.iter();
        sets.map(|set| set.stack.clone()).collect()
    }

    /// The task definitions that are left.
    pub(crate) fn definitions(&self) -> Vec<String> {
        self.lock().services.definitions.clone()
    }

    /// What the last stack that was created was given for a parameter.
    pub(crate) fn parameter(&self, key: &str) -> Option<String> {
        let account = self.lock();
        let stack = account.stacks.last()?;
        stack.parameter(key).map(str::to_owned)
    }

    /// How many answers that it was too much are left.
    pub(crate) fn throttled_left(&self) -> usize {
        self.lock().throttled.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// With a stack that is there already.
    pub(crate) fn with(mut self, stack: Stack) -> Self {
        self.stacks.push(stack);
        self
    }

    /// With what becomes of the next stack of this name.
    pub(crate) fn creating(mut self, name: &str, script: formation::Script) -> Self {
        let scripts = self.creations.entry(name.to_owned()).or_default();
        scripts.push_back(script);
        self
    }

    /// With what becomes of the next change to this stack.
    pub(crate) fn changing(mut self, name: &str, script: formation::Script) -> Self {
        let scripts = self.changes.entry(name.to_owned()).or_default();
        scripts.push_back(script);
        self
    }
}

impl Respond for Front {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Only emulators have pages.
        if request.method == "GET" {
            let is_there = account.is_moto && request.url.path() == "/moto-api/data.json";
            return ResponseTemplate::new(if is_there { 200 } else { 404 });
        }
        let target = request.headers.get("x-amz-target");
        match target.and_then(|target| target.to_str().ok()) {
            Some(target) => {
                let (service, action) = target.split_once('.').unwrap_or((target, ""));
                let action = format!("{}:{action}", services::prefix(service));
                account.questions.push((action, BTreeMap::new()));
                let question = serde_json::from_slice(&request.body).unwrap_or_default();
                services::json(&mut account, target, &question)
            }
            None => {
                let question: BTreeMap<String, String> =
                    form_urlencoded::parse(&request.body).into_owned().collect();
                let version = question.get("Version").map_or("", String::as_str);
                let action = question.get("Action").map_or("", String::as_str);
                let action = format!("{}:{action}", services::prefix(version));
                account.questions.push((action, question.clone()));
                match question.get("Version").map(String::as_str) {
                    Some("2010-05-15") => formation::answer(&mut account, &question),
                    _ => services::query(&mut account, &question),
                }
            }
        }
    }
}

/// An answer in XML.
pub(crate) fn xml(action: &str, content: &str) -> ResponseTemplate {
    let body =
        format!("<{action}Response><{action}Result>{content}</{action}Result></{action}Response>");
    ResponseTemplate::new(200).set_body_raw(body, "text/xml")
}

/// A refusal in XML.
pub(crate) fn refusal(code: &str, message: &str) -> ResponseTemplate {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    ResponseTemplate::new(400).set_body_raw(body, "text/xml")
}

/// `<name>value</name>`.
pub(crate) fn element(name: &str, value: &str) -> String {
    let value = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<{name}>{value}</{name}>")
}
