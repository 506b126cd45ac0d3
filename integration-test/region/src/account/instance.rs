//! EC2 instances and their network interfaces.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use super::group::GROUP_TAG;
use super::ids::scatter;
use super::names::INSTANCE_ROLE;

/// The id of an instance, for example `i-0123456789abcdef0`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct InstanceId(pub(super) String);

/// An EC2 instance.
///
/// Built by [`Instance::running`] and the methods after it, then given to
/// [`Account::run_instance`](super::Account::run_instance).
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its last known state.
    pub state: InstanceState,
    /// For example `m7g.large`.
    pub instance_type: String,
    /// For example `eu-west-1a`.
    pub availability_zone: String,
    /// The network it is in.
    pub vpc: String,
    /// The subnet it is in.
    pub subnet: String,
    /// In the order in which they are shown, which may differ from that of their indices.
    pub interfaces: Vec<Interface>,
    /// User tags and `aws:` tags alike.
    pub tags: BTreeMap<String, String>,
    /// The role of its instance profile; `None` for none.
    pub role: Option<String>,
    /// Instances of one reservation are shown together; each has its own unless given.
    pub reservation: Option<String>,
    /// When it was started.
    pub launched_at: Option<SystemTime>,
}

/// A network interface of an instance.
#[derive(Clone, Debug)]
pub struct Interface {
    /// 0 is the primary one.
    pub device_index: u32,
    /// The first is the primary one.
    pub ipv4: Vec<Ipv4Addr>,
    /// The first is the primary one.
    pub ipv6: Vec<Ipv6Addr>,
    /// Free text; ECS names the task here.
    pub description: String,
    pub(crate) id: String,
}

/// The life of an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceId {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its place in the order of ids, which may differ from that of an instance.
    pub(crate) fn after(position: &str) -> Self {
        Self(position.to_owned())
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Instance {
    /// A running instance.
    #[must_use]
    pub fn running() -> Self {
        Self {
            state: InstanceState::Running,
            instance_type: "m7g.large".to_owned(),
            availability_zone: "eu-west-1a".to_owned(),
            vpc: "vpc-0a1b2c3d4e5f60718".to_owned(),
            subnet: "subnet-0a1b2c3d4e5f60718".to_owned(),
            interfaces: Vec::new(),
            tags: BTreeMap::new(),
            role: Some(INSTANCE_ROLE.to_owned()),
            reservation: None,
            launched_at: None,
        }
    }

    /// With a primary interface of this private IPv4 address.
    #[must_use]
    pub fn at(self, address: Ipv4Addr) -> Self {
        self.interface(Interface::new(0).at(address))
    }

    /// With a primary interface of this IPv6 address only.
    #[must_use]
    pub fn at_v6(self, address: Ipv6Addr) -> Self {
        self.interface(Interface::new(0).at_v6(address))
    }

    /// With one more interface, shown after those before it.
    #[must_use]
    pub fn interface(mut self, interface: Interface) -> Self {
        self.interfaces.push(interface);
        self
    }

    /// With one more tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Of this Auto Scaling group, which tags it.
    #[must_use]
    pub fn in_group(self, name: &str) -> Self {
        self.tag(GROUP_TAG, name)
    }

    /// In this state.
    #[must_use]
    pub fn state(mut self, state: InstanceState) -> Self {
        self.state = state;
        self
    }

    /// Of this type.
    #[must_use]
    pub fn of_type(mut self, name: &str) -> Self {
        name.clone_into(&mut self.instance_type);
        self
    }

    /// In this availability zone.
    #[must_use]
    pub fn zone(mut self, name: &str) -> Self {
        name.clone_into(&mut self.availability_zone);
        self
    }

    /// With this role in its instance profile.
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

    /// Shown together with the other instances of this reservation.
    #[must_use]
    pub fn in_reservation(mut self, id: &str) -> Self {
        self.reservation = Some(id.to_owned());
        self
    }

    /// The interface with device index 0; none once the instance is terminated.
    #[must_use]
    pub fn primary_interface(&self) -> Option<&Interface> {
        self.shown_interfaces()
            .iter()
            .find(|interface| interface.device_index == 0)
    }

    /// What AWS shows of its network: nothing once it is terminated.
    pub(crate) fn shown_interfaces(&self) -> &[Interface] {
        if self.is_terminated() {
            &[]
        } else {
            &self.interfaces
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == InstanceState::Terminated
    }

    pub(crate) fn primary_ipv4(&self) -> Option<Ipv4Addr> {
        self.primary_interface()?.ipv4.first().copied()
    }

    pub(crate) fn primary_ipv6(&self) -> Option<Ipv6Addr> {
        self.primary_interface()?.ipv6.first().copied()
    }

    /// Instance profiles have the same names as their roles here.
    pub(crate) fn profile_arn(&self, account_id: &str) -> Option<String> {
        let role = self.role.as_ref()?;
        Some(format!("arn:aws:iam::{account_id}:instance-profile/{role}"))
    }

    /// Fills in what an instance gets when it starts.
    pub(super) fn launched(&mut self, serial: u64, now: SystemTime, free: Ipv4Addr) {
        self.launched_at.get_or_insert(now);
        self.reservation
            .get_or_insert_with(|| format!("r-{:017x}", scatter(serial)));
        if self.interfaces.is_empty() {
            self.interfaces.push(Interface::new(0).at(free));
        }
        for (n, interface) in (1..).zip(&mut self.interfaces) {
            interface.id = format!("eni-{:017x}", scatter(scatter(serial).wrapping_add(n)));
        }
    }
}

impl Interface {
    /// An interface without an address.
    #[must_use]
    pub fn new(device_index: u32) -> Self {
        Self {
            device_index,
            ipv4: Vec::new(),
            ipv6: Vec::new(),
            description: String::new(),
            id: String::new(),
        }
    }

    /// With one more private IPv4 address; the first is the primary one.
    #[must_use]
    pub fn at(mut self, address: Ipv4Addr) -> Self {
        self.ipv4.push(address);
        self
    }

    /// With one more IPv6 address; the first is the primary one.
    #[must_use]
    pub fn at_v6(mut self, address: Ipv6Addr) -> Self {
        self.ipv6.push(address);
        self
    }

    /// With this description.
    #[must_use]
    pub fn described(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }
}

impl InstanceState {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// As AWS counts it.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}
