//! The model of one simulated account in one region: clusters, services, tasks, instances, roles.
//!
//! Plain data that scenarios edit and handlers read. It knows nothing of requests, and nothing changes by itself: a
//! task is `RUNNING` because a caller said so.

pub mod cluster;
pub mod group;
pub mod identity;
pub(crate) mod ids;
pub mod instance;
mod names;
pub mod task;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

pub use self::names::{ACCOUNT_ID, INSTANCE_ROLE, REGION, TASK_ROLE};

use self::cluster::{Cluster, Deployment, Service};
use self::group::Group;
use self::identity::{Caller, Credentials, Role, Sessions};
use self::ids::{hexadecimal, private_address, scatter, uuid};
use self::instance::{Instance, InstanceId};
use self::task::{DesiredStatus, Task, TaskArn, TaskStatus};

/// One account in one region.
#[derive(Clone, Debug)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// The account's time. The region sets it before each edit and each request.
    pub now: SystemTime,
    /// By name.
    pub clusters: BTreeMap<String, Cluster>,
    /// In the order in which they are listed.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// EC2 Auto Scaling groups, by name.
    pub groups: BTreeMap<String, Group>,
    /// By name. A role that is used but not listed here may do everything.
    pub roles: BTreeMap<String, Role>,
    pub(super) sessions: Sessions,
    /// How many ids were given out. Ids are derived from it, so that runs repeat exactly.
    serial: u64,
}

impl Account {
    /// An empty account.
    #[must_use]
    pub fn new(id: &str, region: &str, now: SystemTime) -> Self {
        Self {
            id: id.to_owned(),
            region: region.to_owned(),
            now,
            clusters: BTreeMap::new(),
            instances: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            sessions: Sessions::default(),
            serial: 0,
        }
    }

    /// The cluster with that name, created if it is missing.
    pub fn put_cluster(&mut self, name: &str) -> &mut Cluster {
        self.clusters.entry(name.to_owned()).or_default()
    }

    /// The service with that name and this desired count, created with its first deployment if it is missing.
    pub fn put_service(&mut self, cluster: &str, name: &str, desired_count: u32) -> &mut Service {
        let first = Deployment::primary(self.deployment_id(), 1, self.now);
        let created = self.now;
        let service = self
            .put_cluster(cluster)
            .services
            .entry(name.to_owned())
            .or_insert_with(|| Service::new(first, created));
        service.desired_count = desired_count;
        service
    }

    /// Starts a new deployment of a service and returns its id. The one before stays as `ACTIVE`, and its tasks stay
    /// too.
    ///
    /// # Panics
    ///
    /// If there is no such service.
    pub fn deploy(&mut self, cluster: &str, service: &str) -> String {
        let id = self.deployment_id();
        let now = self.now;
        let service = self.service_mut(cluster, service);
        let revision = service.primary().map_or(1, |(_, revision)| revision + 1);
        for deployment in &mut service.deployments {
            deployment.status = "ACTIVE";
        }
        service
            .deployments
            .insert(0, Deployment::primary(id.clone(), revision, now));
        id
    }

    /// Adds a task set to a service, which then starts the service's tasks instead of a deployment, and returns its
    /// id.
    ///
    /// # Panics
    ///
    /// If there is no such service.
    pub fn put_task_set(&mut self, cluster: &str, service: &str) -> String {
        let id = self.deployment_id();
        let now = self.now;
        let service = self.service_mut(cluster, service);
        service.deployments.clear();
        service.add_task_set(id.clone(), now);
        id
    }

    /// Starts a task.
    ///
    /// A task of a service is started by the service's primary deployment or task set unless it says otherwise. A
    /// task without an address gets the next free one of 10.0.0.0/16.
    ///
    /// # Panics
    ///
    /// If the task belongs to a service that does not exist.
    pub fn run_task(&mut self, mut task: Task) -> TaskArn {
        let serial = self.next_serial();
        task.id = hexadecimal(serial);
        task.interface = format!("eni-{:017x}", scatter(serial));
        task.attachment = uuid(serial);
        task.credentials_token = hexadecimal(serial.wrapping_add(1 << 61));
        task.created_at.get_or_insert(self.now);
        if let Some(service) = &task.service {
            let primary = self.service_mut(&task.cluster, service).primary();
            if let (None, Some((id, revision))) = (&task.started_by, primary) {
                task.started_by = Some(id);
                task.revision = revision;
            }
        }
        if task.ipv4.is_none() && task.ipv6.is_none() {
            task.ipv4 = Some(private_address(serial));
        }
        let arn = TaskArn::new(&self.region, &self.id, &task.cluster, &task.id);
        self.put_cluster(arn.cluster())
            .tasks
            .insert(task.id.clone(), task);
        arn
    }

    /// An existing task.
    ///
    /// # Panics
    ///
    /// If it does not exist.
    pub fn task(&self, arn: &TaskArn) -> &Task {
        self.clusters
            .get(arn.cluster())
            .and_then(|cluster| cluster.tasks.get(arn.id()))
            .unwrap_or_else(|| panic!("no task {arn}"))
    }

    /// An existing task, to be changed.
    ///
    /// # Panics
    ///
    /// If it does not exist.
    pub fn task_mut(&mut self, arn: &TaskArn) -> &mut Task {
        self.clusters
            .get_mut(arn.cluster())
            .and_then(|cluster| cluster.tasks.get_mut(arn.id()))
            .unwrap_or_else(|| panic!("no task {arn}"))
    }

    /// Asks a task to stop: its desired status is `STOPPED` at once, its last status follows later.
    ///
    /// # Panics
    ///
    /// If there is no such task.
    pub fn stop_task(&mut self, arn: &TaskArn) {
        let now = self.now;
        let task = self.task_mut(arn);
        task.desired_status = DesiredStatus::Stopped;
        task.last_status = TaskStatus::Deactivating;
        task.stopping_at = Some(now);
        task.version += 1;
    }

    /// Ends a task. It stays visible, as it does in AWS for about an hour.
    ///
    /// # Panics
    ///
    /// If there is no such task.
    pub fn finish_task(&mut self, arn: &TaskArn) {
        self.stop_task(arn);
        let now = self.now;
        let task = self.task_mut(arn);
        task.last_status = TaskStatus::Stopped;
        task.stopped_at = Some(now);
    }

    /// Removes a task without a trace: from now on it is reported as `MISSING`.
    pub fn forget_task(&mut self, arn: &TaskArn) {
        if let Some(cluster) = self.clusters.get_mut(arn.cluster()) {
            cluster.tasks.remove(arn.id());
        }
    }

    /// Starts an instance. One without an interface gets one with a free address of 10.0.0.0/16.
    pub fn run_instance(&mut self, mut instance: Instance) -> InstanceId {
        let serial = self.next_serial();
        instance.launched(serial, self.now, private_address(serial));
        let id = InstanceId(format!("i-{:017x}", scatter(serial)));
        self.instances.insert(id.clone(), instance);
        id
    }

    /// The Auto Scaling group with that name and this desired capacity, created if it is missing.
    pub fn put_auto_scaling_group(&mut self, name: &str, desired_capacity: u32) -> &mut Group {
        let group = self.groups.entry(name.to_owned()).or_insert(Group {
            desired_capacity,
            desired_capacity_type: None,
        });
        group.desired_capacity = desired_capacity;
        group
    }

    /// An existing instance, to be changed.
    ///
    /// # Panics
    ///
    /// If it does not exist.
    pub fn instance_mut(&mut self, id: &InstanceId) -> &mut Instance {
        self.instances
            .get_mut(id)
            .unwrap_or_else(|| panic!("no instance {id}"))
    }

    /// The role with that name, created with every permission if it is missing.
    pub fn role_mut(&mut self, name: &str) -> &mut Role {
        self.roles.entry(name.to_owned()).or_default()
    }

    /// Sets the credentials of a role's session.
    pub fn put_credentials(&mut self, role: &str, session: &str, credentials: Credentials) {
        let caller = self.caller(role, session);
        self.sessions.add(caller, credentials);
    }

    /// The credentials of a role's session, issued if there are none that are still valid.
    pub fn credentials(&mut self, role: &str, session: &str) -> Credentials {
        let caller = self.caller(role, session);
        if let Some(credentials) = self.sessions.lasting(&caller, self.now) {
            return credentials;
        }
        let credentials = Credentials::issued(self.next_serial(), self.now);
        self.sessions.add(caller, credentials.clone());
        credentials
    }

    /// Credentials of a session of another account's role.
    pub fn foreign_credentials(&mut self, account: &str, role: &str, session: &str) -> Credentials {
        let caller = Caller {
            account: account.to_owned(),
            ..self.caller(role, session)
        };
        let credentials = Credentials::issued(self.next_serial(), self.now);
        self.sessions.add(caller, credentials.clone());
        credentials
    }

    /// New credentials of a session that assumes a role.
    pub(super) fn assume(&mut self, role: &str, session: &str, lifetime: Duration) -> Credentials {
        let credentials = Credentials::lasting(self.next_serial(), self.now, lifetime);
        let caller = self.caller(role, session);
        self.sessions.add(caller, credentials.clone());
        credentials
    }

    /// Ends every session: the next call with its credentials is refused as expired, and the next request for
    /// credentials gets new ones.
    pub fn expire_credentials(&mut self) {
        self.sessions.expire(self.now);
    }

    /// The task with that id, in any cluster.
    pub(super) fn find_task(&self, id: &str) -> Option<(TaskArn, &Task)> {
        let (cluster, task) = self
            .clusters
            .iter()
            .find_map(|(name, cluster)| Some((name, cluster.tasks.get(id)?)))?;
        Some((TaskArn::new(&self.region, &self.id, cluster, id), task))
    }

    pub(super) fn find_instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(&InstanceId(id.to_owned()))
    }

    /// An ECS ARN of this account, for example `cluster/demo`.
    pub(super) fn ecs_arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.id)
    }

    /// The image of a container, in the account's own registry.
    pub(super) fn image(&self, name: &str) -> String {
        let Self { id, region, .. } = self;
        format!("{id}.dkr.ecr.{region}.amazonaws.com/{name}:1")
    }

    /// The name that the VPC's resolver gives to an address.
    pub(super) fn private_dns_name(&self, address: Ipv4Addr) -> String {
        let host = address.to_string().replace('.', "-");
        format!("ip-{host}.{}.compute.internal", self.region)
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn caller(&self, role: &str, session: &str) -> Caller {
        Caller {
            account: self.id.clone(),
            role: role.to_owned(),
            session: session.to_owned(),
        }
    }

    fn service_mut(&mut self, cluster: &str, service: &str) -> &mut Service {
        self.clusters
            .get_mut(cluster)
            .and_then(|found| found.services.get_mut(service))
            .unwrap_or_else(|| panic!("no service `{service}` in the cluster `{cluster}`"))
    }

    fn deployment_id(&mut self) -> String {
        let serial = self.next_serial();
        format!("ecs-svc/{:019}", scatter(serial) >> 1)
    }
}
