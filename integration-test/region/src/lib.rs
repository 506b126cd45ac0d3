//! A simulated AWS region: one account behind one address, for the real AWS SDKs to talk to.
//!
//! It answers EC2 DescribeInstances, DescribeAutoScalingGroups of EC2 Auto Scaling, AssumeRole of STS,
//! ECS ListTasks, DescribeTasks and DescribeServices,
//! and for each task and instance the metadata and credentials that AWS gives it.
//! Requests must be signed with those credentials. All answers come from one [`Account`], which scenarios edit;
//! [faults](Fault) make them late, wrong or absent; every [call](Calls) is recorded.
//!
//! It starts no processes: others do that for its tasks.
//!
//! To add a call: add its `Action` in `calls.rs`, recognise the request in `front.rs`, and answer it in `ec2/`,
//! `ecs/` or a new file.
//!
//! ```no_run
//! # async fn example() {
//! use region::{Action, Fault, Region, Task};
//!
//! let region = Region::start().await;
//! let task = region.edit(|account| {
//!     account.put_service("demo", "orders", 3);
//!     account.run_task(Task::of_service("demo", "orders").at([127, 0, 1, 1].into()))
//! });
//! region.faults().add(Fault::Throttle.on([Action::ListTasks]).next(2));
//! let environment = region.task_environment(&task);
//! // ... start something with that environment ...
//! assert_eq!(region.calls().count(Action::ListTasks), 3);
//! # }
//! ```

mod access;
pub mod account;
mod auto_scaling;
mod calls;
mod clock;
mod ec2;
mod ecs;
mod faults;
mod front;
mod instance_metadata;
mod paging;
mod pattern;
pub mod policy;
mod reply;
mod signature;
mod sts;
mod task_metadata;

use std::collections::BTreeMap;
use std::mem;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub use self::account::Account;
pub use self::account::identity::{Caller, Credentials, Policy, Role, Trust};
pub use self::account::instance::{Instance, InstanceId, InstanceState, Interface};
pub use self::account::task::{DesiredStatus, LaunchType, NetworkMode, Task, TaskArn, TaskStatus};
pub use self::calls::{Action, Call, Calls, Outcome};
pub use self::faults::{Fault, Rule, Snapshot, Trouble};

use self::account::task::LaunchType::{Ec2, Fargate};
use self::account::{ACCOUNT_ID, REGION};
use self::front::World;

/// The default seed of the faults' random numbers.
const SEED: u64 = 7626;

/// A running region. It ends when this is dropped.
#[derive(Debug)]
pub struct Region {
    server: MockServer,
    /// The address of the server.
    endpoint: String,
    world: Arc<Mutex<World>>,
}

/// The faults of a region.
#[derive(Debug)]
pub struct Faults<'a> {
    region: &'a Region,
}

impl Region {
    /// Starts an empty region on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        Self::start_on(listener).await
    }

    /// Starts an empty region on a given address.
    pub async fn start_on(listener: TcpListener) -> Self {
        let server = MockServer::builder()
            .listener(listener)
            .disable_request_recording()
            .start()
            .await;
        let account = Account::new(ACCOUNT_ID, REGION, clock::now());
        let world = Arc::new(Mutex::new(World::new(account, SEED)));
        let answering = Arc::clone(&world);
        let respond = move |request: &Request| -> ResponseTemplate {
            lock(&answering).answer(request, clock::now())
        };
        Mock::given(any())
            .respond_with(respond)
            .mount(&server)
            .await;
        Self {
            endpoint: server.uri(),
            server,
            world,
        }
    }

    /// The URL of the region's services, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Reads or changes the account, in one step for all others.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Account) -> R) -> R {
        let mut world = lock(&self.world);
        world.account.now = clock::now();
        change(&mut world.account)
    }

    /// The account as it is now, for [`Fault::Stale`].
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(Arc::new(lock(&self.world).account.clone()))
    }

    /// The account after a change that is not made, for [`Fault::Stale`].
    #[must_use]
    pub fn snapshot_with(&self, change: impl FnOnce(&mut Account)) -> Snapshot {
        let mut account = lock(&self.world).account.clone();
        change(&mut account);
        Snapshot(Arc::new(account))
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults { region: self }
    }

    /// The requests so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        lock(&self.world).calls.clone()
    }

    /// Takes the requests so far: they are then forgotten.
    #[must_use]
    pub fn take_calls(&self) -> Calls {
        mem::take(&mut lock(&self.world).calls)
    }

    /// Forgets the requests so far.
    pub fn reset_calls(&self) {
        lock(&self.world).calls.clear();
    }

    /// Credentials of a role, for a session of this name.
    #[must_use]
    pub fn credentials(&self, role: &str, session: &str) -> Credentials {
        self.edit(|account| account.credentials(role, session))
    }

    /// Credentials of a role of another account, whose policies this one does not know. For the services that get
    /// them, this account does not exist.
    #[must_use]
    pub fn foreign_credentials(&self, account: &str, role: &str, session: &str) -> Credentials {
        self.edit(|here| here.foreign_credentials(account, role, session))
    }

    /// The environment that ECS gives the containers of a task, and the address of the region.
    ///
    /// # Panics
    ///
    /// If there is no such task.
    #[must_use]
    pub fn task_environment(&self, task: &TaskArn) -> BTreeMap<String, String> {
        let endpoint = &self.endpoint;
        let id = task.id();
        self.edit(|account| {
            let task = account.task(task);
            let launched_on = match task.launch_type {
                Fargate => "AWS_ECS_FARGATE",
                Ec2 => "AWS_ECS_EC2",
            };
            let mut variables = vec![
                ("AWS_DEFAULT_REGION", account.region.clone()),
                ("AWS_ENDPOINT_URL", endpoint.clone()),
                ("AWS_EXECUTION_ENV", launched_on.to_owned()),
                ("AWS_REGION", account.region.clone()),
                ("ECS_CONTAINER_METADATA_URI", format!("{endpoint}/v3/{id}")),
                (
                    "ECS_CONTAINER_METADATA_URI_V4",
                    format!("{endpoint}/v4/{id}"),
                ),
            ];
            if task.role.is_some() {
                variables.extend([
                    (
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                        task.credentials_token.clone(),
                    ),
                    (
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                        format!("{endpoint}/v2/credentials/{id}"),
                    ),
                ]);
            }
            environment(variables)
        })
    }

    /// The environment with which a process on an instance uses this region: the addresses of the instance's metadata
    /// service and of the region.
    #[must_use]
    pub fn instance_environment(&self, instance: &InstanceId) -> BTreeMap<String, String> {
        let endpoint = &self.endpoint;
        environment([
            (
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                format!("{endpoint}/instance/{instance}"),
            ),
            ("AWS_ENDPOINT_URL", endpoint.clone()),
        ])
    }
}

impl Faults<'_> {
    /// Adds a fault, or a rule that says when it happens.
    pub fn add(&self, rule: impl Into<Rule>) {
        let now = clock::now();
        lock(&self.region.world).rules.add(rule.into(), now);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        lock(&self.region.world).rules.clear(clock::now());
    }

    /// The rules, present and past, in the order in which they were added.
    #[must_use]
    pub fn so_far(&self) -> Vec<Trouble> {
        lock(&self.region.world).rules.so_far().to_vec()
    }

    /// Restarts the random numbers with this seed.
    pub fn seed(&self, seed: u64) {
        lock(&self.region.world).rules.seed(seed);
    }
}

/// A panic in an `edit` fails its test; the account stays available to those that read it later.
fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

fn environment(
    variables: impl IntoIterator<Item = (&'static str, String)>,
) -> BTreeMap<String, String> {
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
