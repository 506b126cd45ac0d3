//! What the tests of lookups share: methods whose clients talk to a region, and an endpoint that
//! answers with whatever a test wrote down.

use std::{
    collections::{BTreeMap, VecDeque},
    error::Error as _,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use discovery::{
    Discovery, Error, Lookup, Resolved,
    config::{Client, Ec2TagBased, Ecs, EcsTaskSet, Settings, Surroundings},
};
use integration_test::sdk_config;
use region::{Region, TaskArn};
use tracing_subscriber::fmt::SubscriberBuilder;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// Long enough for a busy machine. What must end sooner says so itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// Credentials of the region, and its endpoint.
pub(crate) fn client(region: &Region) -> Client {
    Client::from(sdk_config(region, "task-role", "test"))
}

/// Looks up in cluster `demo`, unless changed.
pub(crate) async fn ecs(region: &Region, change: impl FnOnce(&mut Ecs)) -> Discovery {
    let mut ecs = Ecs::in_cluster("demo");
    ecs.client = client(region);
    change(&mut ecs);
    ready(Settings::Ecs(ecs)).await
}

/// Looks up by tag `service`, unless changed.
pub(crate) async fn ec2(region: &Region, change: impl FnOnce(&mut Ec2TagBased)) -> Discovery {
    let mut ec2 = Ec2TagBased::by_tag("service");
    ec2.client = client(region);
    change(&mut ec2);
    ready(Settings::Ec2TagBased(ec2)).await
}

/// Looks up from within a task, in cluster `demo`.
pub(crate) async fn task_set(region: &Region, task: &TaskArn) -> Discovery {
    let mut ecs = EcsTaskSet::in_cluster("demo");
    ecs.client = client(region);
    let surroundings = surroundings(&region.task_environment(task));
    let settings = Settings::EcsTaskSet(ecs);
    Discovery::in_surroundings(settings, &surroundings)
        .await
        .unwrap()
}

pub(crate) async fn ready(settings: Settings) -> Discovery {
    Discovery::in_surroundings(settings, &Surroundings::default())
        .await
        .unwrap()
}

/// Those of a process with this environment, on a machine that is no EC2 instance.
pub(crate) fn surroundings(environment: &BTreeMap<String, String>) -> Surroundings {
    Surroundings::read(|name| environment.get(name).cloned(), Some("elsewhere"))
}

pub(crate) async fn ask(discovery: &Discovery, service: &str) -> Result<Resolved, Error> {
    Box::pin(discovery.lookup(&Lookup::new(service), PATIENCE)).await
}

/// A lookup that must not fail.
pub(crate) async fn look(discovery: &Discovery, service: &str) -> Resolved {
    ask(discovery, service).await.unwrap()
}

/// `address`, or `address:port`.
pub(crate) fn addresses(resolved: &Resolved) -> Vec<String> {
    let targets = resolved.targets.iter();
    targets
        .map(|target| match target.port {
            Some(port) => format!("{}:{port}", target.address),
            None => target.address.to_string(),
        })
        .collect()
}

pub(crate) fn reasons(resolved: &Resolved) -> Vec<String> {
    let reasons = resolved.completeness.reasons().iter();
    reasons.map(ToString::to_string).collect()
}

pub(crate) fn dropped(resolved: &Resolved) -> Vec<(String, String)> {
    let dropped = resolved.dropped.iter();
    dropped
        .map(|dropped| (dropped.id.clone(), dropped.reason.to_string()))
        .collect()
}

/// Calls by name, as pairs.
pub(crate) fn calls(resolved: &Resolved) -> Vec<(&'static str, u32)> {
    resolved.calls.0.clone().into_iter().collect()
}

/// An error and its causes, one a line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}\n{error}");
        cause = error.source();
    }
    text
}

/// What this thread logs meanwhile.
pub(crate) async fn logged<T>(what: impl Future<Output = T>) -> (T, String) {
    logged_by(tracing_subscriber::fmt(), what).await
}

/// What this thread logs meanwhile, as this subscriber has it.
pub(crate) async fn logged_by<T>(
    subscriber: SubscriberBuilder,
    what: impl Future<Output = T>,
) -> (T, String) {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = subscriber.with_writer(move || sink.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let result = what.await;
    drop(guard);
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    (result, log)
}

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An endpoint that answers from a script: for each action its answers in turn, the last one over
/// and over.
#[derive(Debug)]
pub(crate) struct Script {
    server: MockServer,
    /// Any credentials do here.
    region: Region,
}

/// Status and body.
pub(crate) type Answer = (u16, Vec<u8>);

impl Script {
    pub(crate) async fn start(
        answers: impl IntoIterator<Item = (&'static str, Vec<Answer>)>,
    ) -> Self {
        let scripts: BTreeMap<&'static str, VecDeque<Answer>> = answers
            .into_iter()
            .map(|(action, answers)| (action, VecDeque::from(answers)))
            .collect();
        let scripts = Arc::new(Mutex::new(scripts));
        let respond = move |request: &Request| {
            let mut scripts = scripts.lock().unwrap();
            let Some(answers) = scripts.get_mut(action(request).as_str()) else {
                return ResponseTemplate::new(404);
            };
            let (status, body) = if answers.len() == 1 {
                answers[0].clone()
            } else {
                answers.pop_front().unwrap()
            };
            ResponseTemplate::new(status).set_body_bytes(body)
        };
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(respond)
            .mount(&server)
            .await;
        Self {
            server,
            region: Region::start().await,
        }
    }

    pub(crate) fn client(&self) -> Client {
        let mut client = client(&self.region);
        client.endpoint = Some(self.server.uri());
        client
    }

    pub(crate) async fn ecs(&self) -> Discovery {
        ecs(&self.region, |ecs| ecs.client = self.client()).await
    }

    pub(crate) async fn ec2(&self) -> Discovery {
        ec2(&self.region, |ec2| ec2.client = self.client()).await
    }
}

/// ECS names it in a header, EC2 in the form.
fn action(request: &Request) -> String {
    if let Some(target) = request.headers.get("x-amz-target") {
        let target = target.to_str().unwrap();
        return target.rsplit('.').next().unwrap().to_owned();
    }
    let form = String::from_utf8_lossy(&request.body).into_owned();
    form.split('&')
        .find_map(|field| field.strip_prefix("Action="))
        .unwrap_or_default()
        .to_owned()
}
