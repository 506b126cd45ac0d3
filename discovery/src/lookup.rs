//! A lookup and its result: values only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, SocketAddr},
};

use crate::{config::AddressFamily, error::Remedy, excerpt, owner::Owner};

/// One question: who runs this service?
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookup {
    /// The service's name: the tag value for `aws-api-ec2-tag-based`, the ECS service for `aws-api-ecs`. If the
    /// settings of the method name [several services](crate::config::Ecs::services), this is only their common name.
    /// `aws-api-ecs-task-set` always looks for the tasks of the caller's own task set; it asks this service for its
    /// desired count.
    pub service_name: String,
    /// The port's name, if the caller asks for one. No AWS method knows port names; this is for
    /// callers that distinguish targets with several ports.
    pub port_name: Option<String>,
    /// The protocol, `tcp` or `udp`, for the same purpose.
    pub protocol: Option<String>,
    /// How much of the list to read.
    pub extent: Extent,
    /// What to do about a call that AWS throttles.
    pub on_throttle: OnThrottle,
}

/// How much of a service's list to read. With several services, this holds for the list of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it: two calls for every 100 tasks, one for every 1,000 instances.
    #[default]
    Whole,
    /// The first page that is not empty: up to 100 tasks, or 1,000 instances. Enough to find some peer, however large
    /// the service is.
    FirstPage,
}

/// What to do about a call that AWS throttles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnThrottle {
    /// The lookup fails. Callers that look up again after growing pauses do not overload the account.
    #[default]
    GiveUp,
    /// If it is the first call, the lookup fails. A later call is repeated every second until the lookup's time limit,
    /// so that the calls before it are not wasted.
    GoOn,
    /// Any call is repeated, first after a quarter of a second, then after up to a second. Without this, a list of many
    /// pages is hardly ever read completely while others ask.
    MakeAgain,
}

/// The answer to one [`Lookup`]. Two are equal if they say the same about the peers; the calls do not matter.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resolved {
    /// The name that was looked up.
    pub service_name: String,
    /// The peers, sorted by address, then port; without duplicates.
    pub targets: Vec<Target>,
    /// Whether [`Resolved::targets`] has all peers.
    pub completeness: Completeness,
    /// What the API listed but the method dropped, and why; sorted by id.
    pub dropped: Vec<Dropped>,
    /// The calls that this lookup made.
    pub calls: Calls,
}

/// Where a peer can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// The peer's private address.
    pub address: IpAddr,
    /// The port, if the method knows one.
    pub port: Option<u16>,
    /// The instance id, or the task's ARN, or the configured address.
    pub id: String,
    /// The service that it belongs to, if the method knows it.
    pub owner: Option<Owner>,
    /// What else the API said: `availability-zone`, `started-at`, `tag:<key>` and others.
    pub metadata: BTreeMap<String, String>,
}

/// How far a view can be trusted. There are only these two cases, so that every caller handles both.
///
/// Any view may be used to join an existing cluster. Only a complete one may found a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// Every page was read, and every listed task or instance was described or is known to be gone. With several
    /// services, this is true for each.
    Complete,
    /// Peers may be missing.
    Partial(Vec<PartialReason>),
}

/// Why a view is partial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialReason {
    /// A listed task has no usable address.
    #[error("{} is running but has no {}{}", short(id), short(wanted), missing.for_a_task())]
    NoAddress {
        /// The task.
        id: String,
        /// Which address, and whose.
        wanted: String,
        /// Why, and what would help.
        missing: Missing,
    },
    /// The API reported a failure for a listed task, other than that the task is gone.
    #[error(
        "{} was listed but could not be described: {}",
        short(id),
        short(reason)
    )]
    NotDescribed {
        /// The task.
        id: String,
        /// The API's reason.
        reason: String,
    },
    /// A group of tasks was not described: its call failed while others succeeded.
    #[error("{tasks} listed tasks were not described: {error}")]
    GroupFailed {
        /// How many tasks the group has.
        tasks: usize,
        /// What went wrong.
        error: String,
    },
    /// A page of the listing could not be read, after others were.
    #[error("the listing ended early: {error}")]
    ListingEnded {
        /// What went wrong.
        error: String,
    },
    /// One of several services could not be listed, while others were.
    #[error("the service {} could not be listed: {error}", short(service))]
    ServiceFailed {
        /// The service, with its cluster: `CLUSTER/NAME`.
        service: String,
        /// What went wrong.
        error: String,
        /// What can be done about it.
        remedy: Remedy,
    },
    /// Only the first page was requested, and there are more.
    #[error("only the first page was requested, and there are more")]
    MorePages,
}

/// A listed task or instance that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The instance id or the task's ARN.
    pub id: String,
    /// Why.
    pub reason: DropReason,
}

/// Why a listed task or instance is not a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The task is stopping, according to its desired or its last status.
    #[error(
        "stopping (desired status {}, last status {})",
        short(desired),
        short(last)
    )]
    Stopping {
        /// Its desired status in ECS.
        desired: String,
        /// Its last known status.
        last: String,
    },
    /// It was listed, but gone when it was described.
    #[error("gone: listed, but not found when described")]
    Gone,
    /// It was listed, but describing it failed with something other than MISSING. Makes the view partial.
    #[error("not described: {}", short(.0))]
    NotDescribed(String),
    /// It has no usable address. Makes the view of an ECS method partial.
    #[error("no {}{missing}", short(wanted))]
    NoAddress {
        /// Which address, and whose.
        wanted: String,
        /// Why, and what would help.
        missing: Missing,
    },
    /// A required tag is missing or has another value.
    #[error("tag {} does not match", short(.0))]
    TagMismatch(String),
    /// The instance's state is not `running`.
    #[error("state is {}", short(.0))]
    NotRunning(String),
    /// Another target has the same address and port.
    #[error("same address as {}", short(.0))]
    SameAddress(String),
}

/// Why a running task or instance has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// It has none yet, but may get one.
    Yet,
    /// It has no network interface and will not get one: its network mode gives it none.
    NoInterface,
    /// It only has this address, of the other family.
    Only(IpAddr),
}

impl Missing {
    fn for_a_task(self) -> String {
        match self {
            Self::Yet => " yet".to_owned(),
            Self::NoInterface | Self::Only(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yet => Ok(()),
            Self::NoInterface => f.write_str(
                ": it has no network interface, so its network mode is bridge, host or none; \
                 a peer needs network mode awsvpc",
            ),
            Self::Only(address) => {
                let family = AddressFamily::of(*address);
                write!(
                    f,
                    ": it has only {address}; set address-family to auto or {family}"
                )
            }
        }
    }
}

/// Shortens a text from AWS. An ARN has about 100 characters.
fn short(text: &str) -> String {
    excerpt(text, 300)
}

/// How many calls, by action name as in CloudTrail and IAM: `ListTasks`, `DescribeInstances`, ...
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls(pub BTreeMap<&'static str, u32>);

/// What a method has found, before it is sorted.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) targets: Vec<Target>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) partial: Vec<PartialReason>,
}

impl Found {
    /// Adds what was found for another service.
    #[cfg(feature = "ecs")]
    pub(crate) fn add(&mut self, other: Self) {
        self.targets.extend(other.targets);
        self.dropped.extend(other.dropped);
        self.partial.extend(other.partial);
    }
}

impl Lookup {
    /// A lookup with only the service's name.
    pub fn new(service_name: impl Into<String>) -> Self {
        Self {
            service_name: service_name.into(),
            port_name: None,
            protocol: None,
            extent: Extent::default(),
            on_throttle: OnThrottle::default(),
        }
    }
}

impl Dropped {
    /// A dropped task or instance, with this reason.
    pub fn new(id: impl Into<String>, reason: DropReason) -> Self {
        Self {
            id: id.into(),
            reason,
        }
    }
}

impl Target {
    /// A peer about which nothing else is known.
    pub fn new(address: IpAddr, port: Option<u16>, id: impl Into<String>) -> Self {
        Self {
            address,
            port,
            id: id.into(),
            owner: None,
            metadata: BTreeMap::new(),
        }
    }
}

/// Each once, in order, without the own address.
pub(crate) fn seeds(targets: &[Target], own: SocketAddr, default_port: u16) -> Vec<SocketAddr> {
    let address = |it: &Target| SocketAddr::new(it.address, it.port.unwrap_or(default_port));
    let seeds: BTreeSet<_> = targets.iter().map(address).collect();
    seeds.into_iter().filter(|seed| *seed != own).collect()
}

impl PartialEq for Resolved {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            service_name,
            targets,
            completeness,
            dropped,
            calls: _,
        } = self;
        (service_name, targets, completeness, dropped)
            == (
                &other.service_name,
                &other.targets,
                &other.completeness,
                &other.dropped,
            )
    }
}

impl Eq for Resolved {}

impl DropReason {
    /// The reason in one word, without names. It stays the same from version to version, for metrics and programs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Stopping { .. } => "stopping",
            Self::Gone => "gone",
            Self::NotDescribed(_) => "not-described",
            Self::NoAddress { .. } => "no-address",
            Self::TagMismatch(_) => "tag-mismatch",
            Self::NotRunning(_) => "not-running",
            Self::SameAddress(_) => "same-address",
        }
    }
}

impl PartialReason {
    /// The reason in one word, like [`DropReason::label`].
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoAddress { .. } => "no-address",
            Self::NotDescribed { .. } => "not-described",
            Self::GroupFailed { .. } => "group-failed",
            Self::ListingEnded { .. } => "listing-ended",
            Self::ServiceFailed { .. } => "service-failed",
            Self::MorePages => "more-pages",
        }
    }
}

impl Resolved {
    /// A result made by hand, for tests of code that uses results: these targets, nothing dropped, no calls.
    pub fn of(
        service_name: impl Into<String>,
        mut targets: Vec<Target>,
        completeness: Completeness,
    ) -> Self {
        targets.sort_by(|a, b| (a.address, a.port, &a.id).cmp(&(b.address, b.port, &b.id)));
        Self {
            service_name: service_name.into(),
            targets,
            completeness,
            dropped: Vec::new(),
            calls: Calls::default(),
        }
    }

    /// Addresses to ask for a cluster, each once and in order: the targets, with this port if the method knows none,
    /// without the caller's own address.
    pub fn seeds(&self, own: SocketAddr, default_port: u16) -> Vec<SocketAddr> {
        seeds(&self.targets, own, default_port)
    }

    /// Sorts, and keeps one target for each address and port.
    pub(crate) fn new(service_name: &str, found: Found, calls: Calls) -> Self {
        let Found {
            mut targets,
            mut dropped,
            mut partial,
        } = found;
        targets.sort_by(|a, b| (a.address, a.port, &a.id).cmp(&(b.address, b.port, &b.id)));
        targets.dedup_by(|next, kept| {
            let same = (next.address, next.port) == (kept.address, kept.port);
            if same && next.id != kept.id {
                dropped.push(Dropped {
                    id: std::mem::take(&mut next.id),
                    reason: DropReason::SameAddress(kept.id.clone()),
                });
            }
            same
        });
        dropped.sort_by(|a, b| a.id.cmp(&b.id));
        // Calls overlap, so reasons come in any order; sorted, equal views compare equal.
        partial.sort_by_cached_key(ToString::to_string);
        // With several services, more than one may give the same reason.
        partial.dedup_by(|next, kept| *next == PartialReason::MorePages && next == kept);
        Self {
            service_name: service_name.to_owned(),
            targets,
            completeness: if partial.is_empty() {
                Completeness::Complete
            } else {
                Completeness::Partial(partial)
            },
            dropped,
            calls,
        }
    }
}

impl Completeness {
    /// Whether the view is complete.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }

    /// Why it is not complete; empty for a complete one.
    pub fn reasons(&self) -> &[PartialReason] {
        match self {
            Self::Complete => &[],
            Self::Partial(reasons) => reasons,
        }
    }
}

impl fmt::Display for Completeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Complete => "complete",
            Self::Partial(_) => "partial",
        })
    }
}

impl Calls {
    #[cfg(any(feature = "ec2", feature = "ecs"))]
    pub(crate) fn count(&mut self, action: &'static str) {
        *self.0.entry(action).or_default() += 1;
    }

    /// Adds the calls for another service.
    #[cfg(feature = "ecs")]
    pub(crate) fn add(&mut self, other: Self) {
        for (action, count) in other.0 {
            *self.0.entry(action).or_default() += count;
        }
    }

    /// How many calls of this action were made.
    pub fn of(&self, action: &str) -> u32 {
        self.0.get(action).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str, port: Option<u16>, id: &str) -> Target {
        Target::new(address.parse().unwrap(), port, id)
    }

    #[test]
    fn targets_are_sorted_by_address_then_port() {
        let found = Found {
            targets: vec![
                target("10.0.0.10", None, "c"),
                target("10.0.0.9", Some(2), "b"),
                target("10.0.0.9", Some(1), "b"),
            ],
            ..Found::default()
        };
        let resolved = Resolved::new("demo", found, Calls::default());
        let order: Vec<_> = resolved
            .targets
            .iter()
            .map(|target| (target.address.to_string(), target.port))
            .collect();
        assert_eq!(
            order,
            [
                ("10.0.0.9".to_owned(), Some(1)),
                ("10.0.0.9".to_owned(), Some(2)),
                ("10.0.0.10".to_owned(), None)
            ]
        );
    }

    #[test]
    fn what_a_lookup_cost_makes_no_difference_to_what_it_says() {
        let of = |targets| Resolved::of("demo", targets, Completeness::Complete);
        let one = of(vec![target("10.0.0.1", None, "a")]);
        let mut dearer = one.clone();
        dearer.calls.0.insert("ListTasks", 2);
        assert_eq!(one, dearer);
        assert_ne!(one, of(Vec::new()));
        let mut partial = one.clone();
        partial.completeness = Completeness::Partial(vec![PartialReason::MorePages]);
        assert_ne!(one, partial);
    }

    #[test]
    fn seeds_have_a_port_come_once_and_are_others() {
        let targets = vec![
            target("10.0.0.10", None, "c"),
            target("10.0.0.9", Some(9), "b"),
            target("10.0.0.9", None, "a"),
            target("10.0.0.10", Some(7), "d"),
            target("fd00::1", None, "e"),
        ];
        let resolved = Resolved::of("demo", targets, Completeness::Complete);
        let seeds = |own: &str| {
            let seeds = resolved.seeds(own.parse().unwrap(), 7);
            seeds.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        // Of several nodes at one address, only the one with the own port is the caller.
        assert_eq!(
            seeds("10.0.0.9:9"),
            ["10.0.0.9:7", "10.0.0.10:7", "[fd00::1]:7"]
        );
        assert_eq!(seeds("10.0.0.1:7").len(), 4);
    }

    #[test]
    fn an_address_that_comes_twice_counts_once() {
        let found = Found {
            targets: vec![target("10.0.0.1", None, "b"), target("10.0.0.1", None, "a")],
            ..Found::default()
        };
        let resolved = Resolved::new("demo", found, Calls::default());
        assert_eq!(resolved.targets, [target("10.0.0.1", None, "a")]);
        assert_eq!(
            resolved.dropped,
            [Dropped {
                id: "b".to_owned(),
                reason: DropReason::SameAddress("a".to_owned())
            }]
        );
    }
}
