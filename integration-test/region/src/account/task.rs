//! ECS tasks: what runs, and how much of it DescribeTasks and the metadata endpoint show.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use super::names::TASK_ROLE;

/// The full name of a task.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TaskArn(String);

/// An ECS task.
///
/// Built by [`Task::of_service`] or [`Task::standalone`] and the methods after it, then given to
/// [`Account::run_task`](super::Account::run_task).
#[derive(Clone, Debug)]
pub struct Task {
    /// The name of its cluster.
    pub cluster: String,
    /// 32 hexadecimal digits, given by [`Account::run_task`](super::Account::run_task).
    pub id: String,
    /// The service it belongs to.
    pub service: Option<String>,
    /// The family of its task definition.
    pub family: String,
    /// The revision of its task definition.
    pub revision: u32,
    /// The deployment or task set that started it, or what a caller of RunTask chose.
    pub started_by: Option<String>,
    /// Where it runs.
    pub launch_type: LaunchType,
    /// The id of the container instance it runs on; none on Fargate.
    pub container_instance: Option<String>,
    /// How its containers are connected.
    pub network_mode: NetworkMode,
    /// Its desired status, by which tasks are listed.
    pub desired_status: DesiredStatus,
    /// Its last status.
    pub last_status: TaskStatus,
    /// For example `eu-west-1a`.
    pub availability_zone: String,
    /// The private IPv4 address of its network interface.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address of its network interface.
    pub ipv6: Option<Ipv6Addr>,
    /// Which of its parts the control plane shows.
    pub shown: Shown,
    /// At least one.
    pub containers: Vec<Container>,
    /// Shown only if DescribeTasks is asked for tags.
    pub tags: BTreeMap<String, String>,
    /// The role whose credentials its containers get; `None` for none.
    pub role: Option<String>,
    /// When it was created; when it was run, unless given.
    pub created_at: Option<SystemTime>,
    /// When it was asked to stop.
    pub stopping_at: Option<SystemTime>,
    /// When it had stopped.
    pub stopped_at: Option<SystemTime>,
    /// Increases with every change of status.
    pub version: u64,
    pub(crate) interface: String,
    pub(crate) attachment: String,
    /// What a request for its credentials must carry.
    pub(crate) credentials_token: String,
}

/// Which parts of a task the control plane shows. AWS sometimes leaves out each of them.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The attachment of type `ElasticNetworkInterface`.
    pub attachment: bool,
    /// The network interfaces of the containers.
    pub interfaces: bool,
    /// The addresses in both.
    pub address: bool,
    /// Another attachment before that of the network interface.
    pub attachment_of_another_kind_first: bool,
}

/// A container of a task.
#[derive(Clone, Debug)]
pub struct Container {
    /// Unique in its task.
    pub name: String,
    /// An address other than that of the task's interface, as some emulators give.
    pub ipv4: Option<Ipv4Addr>,
}

/// Where tasks run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LaunchType {
    /// On Fargate.
    Fargate,
    /// On a container instance.
    Ec2,
}

/// How the containers of a task are connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NetworkMode {
    /// By a network interface of the task's own.
    Awsvpc,
    /// By the container instance's Docker bridge, with mapped ports.
    Bridge,
}

/// A task's desired status. The API has `PENDING` too, but never sets it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum DesiredStatus {
    Running,
    Stopped,
}

/// The life of a task, in order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum TaskStatus {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
    Deleted,
}

impl TaskArn {
    pub(super) fn new(region: &str, account: &str, cluster: &str, id: &str) -> Self {
        Self(format!(
            "arn:aws:ecs:{region}:{account}:task/{cluster}/{id}"
        ))
    }

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the task's cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        self.parts().0
    }

    /// The last part: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let (rest, id) = self.0.rsplit_once('/').expect("built with two slashes");
        let (_, cluster) = rest.split_once('/').expect("built with two slashes");
        (cluster, id)
    }
}

impl fmt::Display for TaskArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Task {
    /// A running Fargate task of a service, with one container called `node`.
    #[must_use]
    pub fn of_service(cluster: &str, service: &str) -> Self {
        Self {
            service: Some(service.to_owned()),
            ..Self::standalone(cluster, service)
        }
    }

    /// A running Fargate task that belongs to no service, with one container called `node`.
    #[must_use]
    pub fn standalone(cluster: &str, family: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            id: String::new(),
            service: None,
            family: family.to_owned(),
            revision: 1,
            started_by: None,
            launch_type: LaunchType::Fargate,
            container_instance: None,
            network_mode: NetworkMode::Awsvpc,
            desired_status: DesiredStatus::Running,
            last_status: TaskStatus::Running,
            availability_zone: "eu-west-1a".to_owned(),
            ipv4: None,
            ipv6: None,
            shown: Shown {
                attachment: true,
                interfaces: true,
                address: true,
                attachment_of_another_kind_first: false,
            },
            containers: vec![Container::new("node")],
            tags: BTreeMap::new(),
            role: Some(TASK_ROLE.to_owned()),
            created_at: None,
            stopping_at: None,
            stopped_at: None,
            version: 3,
            interface: String::new(),
            attachment: String::new(),
            credentials_token: String::new(),
        }
    }

    /// With this private IPv4 address.
    #[must_use]
    pub fn at(mut self, address: Ipv4Addr) -> Self {
        self.ipv4 = Some(address);
        self
    }

    /// With this IPv6 address; without an IPv4 address this is a task of an IPv6-only subnet.
    #[must_use]
    pub fn at_v6(mut self, address: Ipv6Addr) -> Self {
        self.ipv6 = Some(address);
        self
    }

    /// With one more tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Started by this deployment, task set or caller.
    #[must_use]
    pub fn started_by(mut self, id: &str) -> Self {
        self.started_by = Some(id.to_owned());
        self
    }

    /// With one more container, which shares the task's interface.
    #[must_use]
    pub fn container(mut self, name: &str) -> Self {
        self.containers.push(Container::new(name));
        self
    }

    /// With one more container, which shows an address of its own.
    #[must_use]
    pub fn container_at(mut self, name: &str, address: Ipv4Addr) -> Self {
        self.containers.push(Container {
            ipv4: Some(address),
            ..Container::new(name)
        });
        self
    }

    /// With this role, whose credentials its containers get.
    #[must_use]
    pub fn role(mut self, name: &str) -> Self {
        self.role = Some(name.to_owned());
        self
    }

    /// Without any role, and so without credentials.
    #[must_use]
    pub fn without_role(mut self) -> Self {
        self.role = None;
        self
    }

    /// In this availability zone.
    #[must_use]
    pub fn zone(mut self, name: &str) -> Self {
        name.clone_into(&mut self.availability_zone);
        self
    }

    /// Its last status is this one, while its desired status is still `RUNNING`.
    #[must_use]
    pub fn status(mut self, status: TaskStatus) -> Self {
        self.last_status = status;
        self
    }

    /// On this container instance (32 hexadecimal digits), not on Fargate.
    #[must_use]
    pub fn on_container_instance(mut self, id: &str) -> Self {
        self.launch_type = LaunchType::Ec2;
        self.container_instance = Some(id.to_owned());
        self
    }

    /// On a container instance, behind its Docker bridge: no interface, but mapped ports.
    #[must_use]
    pub fn in_bridge_mode(mut self) -> Self {
        self.network_mode = NetworkMode::Bridge;
        self.on_container_instance("0123456789abcdef0123456789abcdef")
    }

    /// DescribeTasks shows no ElasticNetworkInterface attachment.
    #[must_use]
    pub fn without_attachment(mut self) -> Self {
        self.shown.attachment = false;
        self
    }

    /// DescribeTasks shows no network interfaces of the containers.
    #[must_use]
    pub fn without_interfaces(mut self) -> Self {
        self.shown.interfaces = false;
        self
    }

    /// DescribeTasks shows no address anywhere, as AWS does while the interface is being created.
    #[must_use]
    pub fn without_address(mut self) -> Self {
        self.shown.address = false;
        self
    }

    /// DescribeTasks shows an attachment of another kind before that of the interface.
    #[must_use]
    pub fn with_service_connect(mut self) -> Self {
        self.shown.attachment_of_another_kind_first = true;
        self
    }
}

impl Container {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ipv4: None,
        }
    }
}

impl LaunchType {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fargate => "FARGATE",
            Self::Ec2 => "EC2",
        }
    }
}

impl DesiredStatus {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl TaskStatus {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
            Self::Deleted => "DELETED",
        }
    }
}
